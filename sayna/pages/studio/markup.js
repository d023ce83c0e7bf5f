// Pauses and "say it as" in words that people can read; the server gets them as SSML.

const TOKEN = /\[(?:pause (\d{1,5}(?:\.\d{1,3})?) ?(ms|s)|(letters|digits|telephone): ([^[\]]+))\]/g;
const KINDS = { letters: "characters", digits: "digits", telephone: "telephone" };

/** Return text and markup, as fields of POST /speak; a text without marks stays as it is. */
export function compiled(text) {
  let at = 0;
  let body = "";
  for (const found of text.matchAll(TOKEN)) {
    const [whole, time, unit, kind, inside] = found;
    body += escaped(text.slice(at, found.index));
    body += time
      ? `<break time="${time}${unit}"/>`
      : `<say-as interpret-as="${KINDS[kind]}">${escaped(inside.trim())}</say-as>`;
    at = found.index + whole.length;
  }
  return at ? { text: `<speak>${body}${escaped(text.slice(at))}</speak>`, markup: "ssml" } : { text };
}

/** Return the words of a request, without its marks. */
export function words({ text, markup }) {
  if (markup !== "ssml") return text;
  return new DOMParser().parseFromString(text, "application/xml").documentElement.textContent;
}

/** Put a pause where the cursor is, or marks around what is selected. */
export function insert(area, kind) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  const chosen = value.slice(from, to).trim();
  const mark = kind === "pause" ? "[pause 0.5 s]" : `[${kind}: ${chosen || { letters: "SQL" }[kind] || "123"}]`;
  area.focus();
  area.setRangeText(kind === "pause" ? ` ${mark} ` : mark, kind === "pause" ? to : from, to, "end");
  area.dispatchEvent(new Event("input"));
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
