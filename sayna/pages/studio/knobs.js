// What a vendor has of its own: a model, a voice by its id, and settings of the voice.

export class Knobs {
  #parts;
  #vendors = {};
  #slug = "";

  /** `parts` has model, own-voice and settings. */
  constructor(parts, onChange) {
    this.#parts = parts;
    for (const name of ["model", "own-voice", "settings"]) parts[name].addEventListener("input", onChange);
  }

  learn(vendors) {
    this.#vendors = vendors;
  }

  /** Show the settings of a vendor; those of another are forgotten. */
  show(slug) {
    if (slug === this.#slug) return;
    this.#slug = slug;
    const { settings = {}, model = "" } = this.#vendors[slug] ?? {};
    this.#parts.model.value = this.#parts["own-voice"].value = "";
    this.#parts.model.placeholder = model || "The vendor's own";
    this.#parts.settings.replaceChildren(...Object.entries(settings).map(([name, spec]) => field(name, spec)));
    this.#parts.more.hidden = slug === "aliases";
  }

  /** What differs from the defaults, as fields of POST /speak. */
  get chosen() {
    const { model, "own-voice": voice, settings, more } = this.#parts;
    if (more.hidden) return {};
    const changed = [...settings.querySelectorAll("[name]")].filter(({ value }) => value !== "");
    const values = Object.fromEntries(changed.map((input) => [input.name, valueOf(input)]));
    return {
      ...(voice.value.trim() && { voice_id: voice.value.trim() }),
      ...(model.value.trim() && { model: model.value.trim() }),
      ...(changed.length && { voice_settings: values }),
    };
  }
}

function field(name, { kind, low, high, choices }) {
  const label = document.createElement("label");
  const options = kind === "bool" ? ["true", "false"] : choices;
  const input = document.createElement(options?.length ? "select" : "input");
  if (options?.length) input.append(new Option("as usual", ""), ...options.map((choice) => new Option(choice)));
  else if (kind === "str") input.type = "text";
  else Object.assign(input, { type: "number", step: kind === "int" ? "1" : "any", min: low ?? "", max: high ?? "" });
  if (low !== null && high !== null && !options?.length) input.placeholder = `${low} to ${high}`;
  input.name = name;
  input.dataset.kind = kind;
  label.append(name.replaceAll("_", " "), input);
  return label;
}

function valueOf({ value, dataset: { kind } }) {
  if (kind === "bool") return value === "true";
  return kind === "str" ? value : Number(value);
}
