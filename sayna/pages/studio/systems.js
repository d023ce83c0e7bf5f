// Telephone systems and players by name, with the audio that each of them wants.

/** `ext` is the ending of clip URLs; `ending` that of files; `path` places a prompt in a zip. */
export const SYSTEMS = [
  { id: "any", name: "Any player (MP3)", format: "mp3", rate: 24000, ending: "mp3", ext: "mp3" },
  { id: "asterisk", name: "Asterisk", format: "wav", rate: 8000, ending: "wav", ext: "wav" },
  { id: "asterisk-wide", name: "Asterisk, wide band", format: "linear16", rate: 16000, ending: "sln16", ext: "wav16" },
  { id: "freeswitch", name: "FreeSWITCH", format: "wav", rate: 8000, ending: "wav", ext: "wav", folder: "8000" },
  { id: "freepbx", name: "FreePBX", format: "wav", rate: 8000, ending: "wav", ext: "wav", flat: true },
  { id: "3cx", name: "3CX", format: "wav", rate: 8000, ending: "wav", ext: "wav", flat: true },
  { id: "cisco", name: "Cisco", format: "wav-mulaw", rate: 8000, ending: "wav", ext: "wavu", flat: true },
  { id: "genesys", name: "Genesys", format: "wav-mulaw", rate: 8000, ending: "wav", ext: "wavu", flat: true },
  { id: "netsapiens", name: "NetSapiens", format: "wav", rate: 8000, ending: "wav", ext: "wav", flat: true },
  { id: "twilio", name: "Twilio, Telnyx", format: "mp3", rate: 24000, ending: "mp3", ext: "mp3", flat: true },
  { id: "ulaw", name: "Carriers, µ-law", format: "mulaw", rate: 8000, ending: "ulaw", ext: "ulaw" },
  { id: "alaw", name: "Carriers, A-law", format: "alaw", rate: 8000, ending: "alaw", ext: "alaw" },
  { id: "home", name: "Home Assistant", format: "opus", rate: 24000, ending: "ogg", ext: "ogg" },
];

const ENDINGS = { opus: "ogg", linear16: "pcm", mulaw: "ulaw", alaw: "alaw", "wav-mulaw": "wav", "wav-alaw": "wav" };

export function endingOf(format) {
  return ENDINGS[format] ?? format;
}

export function systemOf(id) {
  return SYSTEMS.find((system) => system.id === id);
}

/** Return the options of a menu. */
export function systemOptions(last = []) {
  return [...SYSTEMS.map(({ id, name }) => new Option(name, id)), ...last];
}

/** Return a file name from the first words of a text, in any script. */
export function nameFrom(text) {
  const words = text.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...words.join("-")].slice(0, 40).join("").replace(/-+$/, "") || "speech";
}

/** Return the path of a prompt in a zip: FreeSWITCH has a folder for each rate, and others have no folders. */
export function pathOf(system, name) {
  const parts = name.split("/");
  const file = `${system.flat ? parts.join("-") : parts.pop()}.${system.ending}`;
  return [...(system.flat ? [] : parts), ...(system.folder ? [system.folder] : []), file].join("/");
}
