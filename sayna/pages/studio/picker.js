// A searchable list of voices, after the ARIA pattern of a combobox whose list is always open.

import { details } from "./voices.js";

/** How many voices are listed at once, and one more when it is the chosen one. */
export const SHOWN = 300;

export class Picker {
  #search;
  #list;
  #onChange;
  #prefix;
  #options = [];
  chosen = null;

  constructor({ search, list, prefix, onSearch, onChange }) {
    this.#search = search;
    this.#list = list;
    this.#prefix = prefix;
    this.#onChange = onChange;
    list.id = `${prefix}-list`;
    search.setAttribute("aria-controls", list.id);
    search.addEventListener("input", onSearch);
    search.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("click", (event) => this.#click(event));
  }

  get words() {
    return this.#search.value;
  }

  clearWords() {
    this.#search.value = "";
  }

  /** List these voices; the chosen one stays when it is among them, else the `favourite` takes its place. */
  show(voices, favourite) {
    const wanted = voices.find(({ id }) => id === this.chosen?.id) ?? favourite;
    const shown = voices.slice(0, SHOWN);
    if (wanted && !shown.includes(wanted)) shown.unshift(wanted);
    this.#options = shown.map((voice, at) => ({ voice, item: this.#item(voice, at) }));
    this.#list.replaceChildren(...this.#options.map(({ item }) => item));
    if (!this.#options.length) {
      this.#search.removeAttribute("aria-activedescendant");
      this.#onChange();
      return;
    }
    this.choose(wanted);
  }

  /** Choose a voice of the list; anything else changes nothing. */
  choose(wanted) {
    const at = this.#options.findIndex(({ voice }) => voice.id === wanted?.id);
    if (at >= 0) this.#choose(at);
  }

  #item(voice, at) {
    const item = document.createElement("li");
    item.id = `${this.#prefix}-voice-${at}`;
    item.role = "option";
    item.ariaSelected = "false";
    const name = document.createElement("strong");
    name.textContent = voice.name;
    const more = document.createElement("span");
    more.textContent = details(voice);
    item.append(name, more);
    return item;
  }

  #at() {
    return this.#options.findIndex(({ voice }) => voice.id === this.chosen?.id);
  }

  #choose(at) {
    const { voice, item } = this.#options[at];
    for (const option of this.#options) option.item.ariaSelected = String(option.item === item);
    this.#search.setAttribute("aria-activedescendant", item.id);
    this.#reveal(item);
    this.chosen = voice;
    this.#onChange();
  }

  /** Scroll the list alone: scrollIntoView would move the page too. */
  #reveal(item) {
    const { offsetTop: top, offsetHeight: height } = item;
    const { scrollTop, clientHeight } = this.#list;
    const seen = top >= scrollTop && top + height <= scrollTop + clientHeight;
    if (!seen) this.#list.scrollTop = top - (clientHeight - height) / 2;
  }

  #key(event) {
    const last = this.#options.length - 1;
    const at = this.#at();
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 5, PageUp: at - 5 }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, to)));
  }

  #click(event) {
    const at = this.#options.findIndex(({ item }) => item.contains(event.target));
    if (at >= 0) this.#choose(at);
  }
}
