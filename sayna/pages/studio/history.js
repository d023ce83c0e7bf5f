// What was made on this browser, newest first: the requests only, never the key and never the audio.

const KEY = "sayna.history";
const MOST = 20;

/** Return the entries: {request, text, voice, seconds}. */
export function remembered() {
  return stored(KEY, []);
}

/** Add an entry in front; the same request earlier is dropped. */
export function remember(entry) {
  const same = JSON.stringify(entry.request);
  const others = remembered().filter(({ request }) => JSON.stringify(request) !== same);
  keep(KEY, [entry, ...others].slice(0, MOST));
}

export function forgetAll() {
  keep(KEY, []);
}

/** Return what this browser has kept under a name, else the fallback. */
export function stored(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** Keep a value; a browser that keeps nothing costs only the comfort. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Fill the list; `onPlay(entry, button)` and `onUse(entry)` are its buttons. */
export function showHistory(list, { onPlay, onUse }) {
  const items = remembered().map((entry) => {
    const item = document.createElement("li");
    const text = document.createElement("p");
    const about = document.createElement("span");
    const play = button("Play", `Play: ${entry.text}`);
    const use = button("Use again", `Use again: ${entry.text}`);
    text.textContent = entry.text;
    about.textContent = `${entry.voice} · ${entry.seconds.toFixed(1)} s`;
    text.append(about);
    play.addEventListener("click", () => onPlay(entry, play));
    use.addEventListener("click", () => onUse(entry));
    item.append(text, play, use);
    return item;
  });
  list.replaceChildren(...items);
  return items.length;
}

export function button(label, name = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "small";
  made.textContent = label;
  if (name) made.ariaLabel = name;
  return made;
}
