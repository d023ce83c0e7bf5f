// Words that a voice says wrongly, and how they should sound; each can be tried alone.

import { button, keep, stored } from "./history.js";

const KEY = "sayna.pronunciations";

export class Pronunciations {
  #rows;

  /** `onTry(text)` speaks a pronunciation with the chosen voice. */
  constructor({ rows, add, onChange, onTry }) {
    this.#rows = rows;
    const changed = () => {
      keep(KEY, this.chosen);
      onChange();
    };
    const append = ({ word, pronunciation }) => rows.append(this.#row(word, pronunciation, changed, onTry));
    stored(KEY, []).forEach(append);
    rows.addEventListener("input", changed);
    add.addEventListener("click", () => {
      append({ word: "", pronunciation: "" });
      rows.lastElementChild.querySelector("input").focus();
    });
  }

  /** The whole rows, as the field of POST /speak. */
  get chosen() {
    return [...this.#rows.children]
      .map((row) => [...row.querySelectorAll("input")].map(({ value }) => value.trim()))
      .filter(([word, pronunciation]) => word && pronunciation)
      .map(([word, pronunciation]) => ({ word, pronunciation }));
  }

  #row(word, pronunciation, changed, onTry) {
    const row = document.createElement("li");
    const from = input("Word", word, "SQL");
    const to = input("Sounds like", pronunciation, "sequel");
    const hear = button("Try", "Try how it sounds");
    const drop = button("Remove", "Remove this word");
    hear.addEventListener("click", () => to.value.trim() && onTry(to.value.trim()));
    drop.addEventListener("click", () => {
      row.remove();
      changed();
    });
    row.append(from, to, hear, drop);
    return row;
  }
}

function input(name, value, placeholder) {
  const made = document.createElement("input");
  Object.assign(made, { type: "text", value, placeholder, ariaLabel: name, maxLength: name === "Word" ? 64 : 1000 });
  return made;
}
