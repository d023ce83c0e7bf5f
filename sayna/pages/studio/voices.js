// Voices as people look for them: by provider, by language in words, by anything that is written about them.

const NAMES = {
  aliases: "Voices of this server",
  azure: "Microsoft Azure",
  cartesia: "Cartesia",
  deepgram: "Deepgram",
  elevenlabs: "ElevenLabs",
  espeak: "eSpeak NG (built in)",
  google: "Google Cloud",
  hibari: "Hibari (built in)",
  openai: "OpenAI",
  piper: "Piper (local)",
  polly: "Amazon Polly",
};
const WORDS = { Female: "woman female", Male: "man male" };
const regionNames = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const languageNames = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });

export const ANY = "";

export function providerName(slug) {
  return NAMES[slug] ?? slug;
}

/** Return the languages of some voices as [value, name] pairs, in the order of their names. */
export function languagesOf(voices) {
  const found = new Map();
  for (const voice of voices) {
    for (const base of bases(voice)) found.set(base, nameOf(base));
  }
  return [...found].sort(([, one], [, other]) => one.localeCompare(other));
}

/** Return the voices that speak `language` and whose description has every word of `words`. */
export function matching(voices, language, words) {
  const wanted = words.toLowerCase().split(/[^\p{L}\p{M}\p{N}]+/u).filter(Boolean);
  return voices.filter((voice) => {
    if (language !== ANY && !bases(voice).includes(language)) return false;
    const about = written(voice);
    // The beginning of a word: "male" must not find "female".
    return wanted.every((word) => about.some((each) => each.startsWith(word)));
  });
}

/** Return the voice to begin with: one of this person's own region, else of no region, else the first. */
export function favourite(voices, tags) {
  const speaking = (wanted) => voices.find(({ languages = [] }) => languages.includes(wanted));
  return [...tags, ...tags.map(base)].map(speaking).find(Boolean) ?? voices[0];
}

/** Return the voice's full tag of a language, for the vendors whose voices speak several. */
export function tagFor(voice, language) {
  const tags = voice.languages ?? [];
  if (language === ANY || new Set(tags.map(base)).size < 2) return null;
  return tags.find((tag) => base(tag) === language) ?? null;
}

/** Return what tells a voice apart from its neighbours, without what nobody knows. */
export function details(voice) {
  const spoken = [...new Set((voice.languages ?? []).map(base))].map(nameOf).slice(0, 3).join(", ");
  const known = [spoken || voice.language, voice.accent, voice.gender].filter((each) => each && each !== "Unknown");
  // A voice of this server has its name as its id, so its providers tell more.
  const speakers = (voice.chain ?? []).map((target) => target.split("/", 1)[0]);
  return [...new Set([...known, speakers.join(", then ") || voice.id])].join(" · ");
}

function bases(voice) {
  return voice.languages?.length ? voice.languages.map(base) : [voice.language];
}

function base(tag) {
  return tag.split("-", 1)[0].toLowerCase();
}

function nameOf(language) {
  try {
    return languageNames.of(language) ?? language;
  } catch {
    return language; // a vendor's own word that is no tag
  }
}

function written(voice) {
  const { id, name, accent, gender, language, languages = [], tags = [], description = "" } = voice;
  const places = languages.map((tag) => regionOf(tag));
  const names = languages.map((tag) => nameOf(base(tag)));
  const about = [id, name, accent, gender, WORDS[gender], language, ...languages, ...names, ...places, ...tags, description];
  return about.join(" ").toLowerCase().split(/[^\p{L}\p{M}\p{N}]+/u);
}

function regionOf(tag) {
  const region = tag.split("-").slice(1).find((part) => /^([A-Z]{2}|[0-9]{3})$/.test(part));
  return (region && regionNames.of(region)) ?? "";
}
