// Saves a clip as a file, in the format that was chosen.

import { speak } from "./api.js";

const ENDINGS = {
  mp3: "mp3",
  wav: "wav",
  opus: "ogg",
  flac: "flac",
  linear16: "pcm",
  mulaw: "ulaw",
  alaw: "alaw",
  "wav-mulaw": "wav",
  "wav-alaw": "wav",
};

/** Fetch the clip, hand it to the browser as a download, and return a sentence on what it was. */
export async function save(request, file) {
  const response = await speak({ ...request, ...file });
  const cache = response.headers.get("x-cache");
  const blob = await response.blob();
  const name = `${(request.voice_id ?? request.provider).replace(/[^A-Za-z0-9._-]+/g, "-")}.${ENDINGS[file.audio_format]}`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return `Saved ${name}: ${Math.ceil(blob.size / 1024)} kB, ${price(request.text, cache)}.`;
}

/** Return what a vendor counts for a text: nothing when it was not asked, or was asked by somebody else. */
export function price(text, cache) {
  const characters = ["MISS", "BYPASS"].includes(cache) ? [...text].length : 0;
  return characters === 1 ? "1 character" : `${characters} characters`;
}
