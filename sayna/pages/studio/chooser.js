// Chooses a voice: first the provider, then the language, then one of the voices that are left.

import { Picker, SHOWN } from "./picker.js";
import { ANY, favourite, languagesOf, matching, providerName, tagFor } from "./voices.js";

/** The key of GET /voices for voices that the operator of this server has defined. */
const ALIASES = "aliases";

export class Chooser {
  #parts;
  #picker;
  #catalogue = {};
  #onLanguage;
  #onProvider;

  /** `parts` has provider, language, search, list, found and widen. */
  constructor(parts, prefix, { onChange, onLanguage, onProvider }) {
    this.#parts = parts;
    this.#onLanguage = onLanguage;
    this.#onProvider = onProvider;
    const { search, list, provider, language, widen } = parts;
    this.#picker = new Picker({ search, list, prefix, onSearch: () => this.#listVoices(), onChange });
    provider.addEventListener("change", () => this.#changeProvider());
    language.addEventListener("change", () => this.#changeLanguage());
    widen.addEventListener("click", () => this.#widen());
  }

  /** Offer the voices of every provider; begin with another voice than `other` has, when there is one. */
  offer(byProvider, other = null) {
    this.#catalogue = byProvider;
    const slugs = Object.keys(byProvider).sort((one, other) => (other === ALIASES) - (one === ALIASES));
    fill(this.#parts.provider, slugs.map((slug) => [slug, providerName(slug)]));
    this.#changeProvider();
    const rest = this.#voices().filter(({ id }) => id !== other?.chosen.voice_id);
    this.#picker.choose(favourite(rest, navigator.languages));
  }

  /** What was chosen, as fields of POST /speak; a provider without a list is asked for its own voice. */
  get chosen() {
    const voice = this.#picker.chosen;
    if (this.#parts.provider.value === ALIASES) return { voice: voice.id };
    const language = voice && tagFor(voice, this.#parts.language.value);
    return {
      provider: this.#parts.provider.value,
      ...(voice && { voice_id: voice.id }),
      ...(language && { language }),
    };
  }

  /** The name and the sample of the voice, for people. */
  get voice() {
    return this.#picker.chosen ?? { name: providerName(this.#parts.provider.value), sample: "" };
  }

  /** Choose the voice of an earlier request; a voice that is gone changes nothing. */
  recall({ provider, voice, voice_id: id }) {
    const slug = voice ? ALIASES : provider;
    const found = (this.#catalogue[slug] ?? []).find((each) => each.id === (voice ?? id));
    if (!found) return;
    this.#parts.provider.value = slug;
    this.#changeProvider();
    this.#parts.language.value = ANY;
    this.#listVoices();
    this.#picker.choose(found);
  }

  #ofProvider() {
    return this.#catalogue[this.#parts.provider.value] ?? [];
  }

  #voices() {
    return matching(this.#ofProvider(), this.#parts.language.value, this.#picker.words);
  }

  #changeProvider() {
    const { language, provider } = this.#parts;
    this.#onProvider(provider.value);
    const all = languagesOf(this.#ofProvider());
    const values = all.map(([value]) => value);
    const own = navigator.languages.map((tag) => tag.split("-", 1)[0]);
    const first = [language.value, ...own, "en"].find((value) => values.includes(value)) ?? ANY;
    fill(language, [[ANY, "All languages"], ...all]);
    language.value = first;
    this.#picker.chosen = null;
    this.#changeLanguage();
  }

  #changeLanguage() {
    this.#picker.clearWords();
    this.#listVoices();
    this.#onLanguage(this.#parts.language.value);
  }

  /** Look for the same words in every language. */
  #widen() {
    this.#parts.language.value = ANY;
    this.#listVoices();
    this.#parts.search.focus();
    this.#onLanguage(ANY);
  }

  #listVoices() {
    const voices = this.#voices();
    this.#picker.show(voices, favourite(voices, navigator.languages));
    this.#parts.found.textContent = counted(voices.length);
    const elsewhere = voices.length ? [] : matching(this.#ofProvider(), ANY, this.#picker.words);
    this.#parts.widen.hidden = elsewhere.length === 0;
  }
}

function counted(number) {
  if (number > SHOWN) return `The first ${SHOWN} of ${number} voices; type to find the others.`;
  return { 0: "No voice is like this.", 1: "1 voice" }[number] ?? `${number} voices`;
}

function fill(select, pairs) {
  select.replaceChildren(...pairs.map(([value, name]) => new Option(name, value)));
}
