// The speech of a card as a signed URL, for a telephone system.

import { mint } from "./api.js";

/** Return the URL and a sentence on it; `ext` is what the system plays, `seconds` 0 for ever. */
export async function clipUrl(request, ext, seconds) {
  const { voice_settings: _settings, pronunciations: _words, ...speech } = request;
  const clip = await mint({ ...speech, ext, expires_in: seconds });
  const until = clip.expires_at ? `until ${new Date(clip.expires_at).toLocaleString()}` : "for ever";
  const left = request.voice_settings || request.pronunciations ? " A URL holds no settings and no corrected words." : "";
  const length = (clip.duration_ms / 1000).toFixed(1);
  return { url: clip.url, sentence: `${length} s, ${Math.ceil(clip.size_bytes / 1024)} kB. It plays ${until}.${left}` };
}
