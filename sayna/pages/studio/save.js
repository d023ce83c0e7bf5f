// Saves a clip as a file, in the format that was chosen.

import { speak } from "./api.js";
import { words } from "./markup.js";
import { nameFrom } from "./systems.js";

/** Fetch the clip, hand it to the browser as a download, and return a sentence on what it was. */
export async function save(request, { ending, ...file }) {
  const response = await speak({ ...request, ...file });
  const cache = response.headers.get("x-cache");
  const blob = await response.blob();
  const name = `${nameFrom(words(request))}.${ending}`;
  download(blob, name);
  return `Saved ${name}: ${Math.ceil(blob.size / 1024)} kB, ${price({ ...request, provider: response.headers.get("x-provider") }, cache)}.`;
}

/** Hand a blob to the browser as a file. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

let vendors = {};

/** Learn what is free from GET /studio/vendors.json. */
export function learnVendors(found) {
  vendors = found;
}

/** Return what a vendor counts for a text: nothing when it was not asked, or was asked by somebody else. */
export function price(request, cache) {
  if (vendors[request.provider]?.local) return "free";
  const characters = ["MISS", "BYPASS"].includes(cache) ? [...words(request)].length : 0;
  return characters === 1 ? "1 character" : `${characters} characters`;
}
