// The tab for a whole list of prompts: check it, know what it costs, render what is missing, take it as a zip.

import { Refusal, checkPrompts, speak } from "./api.js";
import { button, keep, stored } from "./history.js";
import { library, readFile, readText } from "./list.js";
import { compiled } from "./markup.js";
import { Replay, playable } from "./replay.js";
import { download } from "./save.js";
import { pathOf, systemOf, systemOptions } from "./systems.js";

const KEY = "sayna.prompts";
const AT_ONCE = 4;
const ATTEMPTS = 5;
const EXAMPLE = 'name,text,language\nwelcome,"Welcome to Acme. All calls are recorded.",en\ngoodbye,"Thank you, and good-bye.",en\n';
const BUSY = new Set(["PROVIDER_RATE_LIMITED", "OVERLOADED", "STORE_UNAVAILABLE"]);

export class PromptsTab {
  #part;
  #hooks;
  #list = stored(KEY, null);
  #checked = null;
  #rows = [];
  #stop = null;
  #replay = new Replay(() => {}, () => this.#playing(null));

  /** `hooks` has voice(), voiceName() and onRefusal(error). */
  constructor(part, hooks) {
    this.#part = part;
    this.#hooks = hooks;
    part("for").append(...systemOptions());
    part("for").value = this.#list?.system ?? "asterisk";
    part("for").addEventListener("change", () => this.#check());
    part("file").addEventListener("change", () => this.#take(() => readFile(part("file").files[0])));
    part("paste").addEventListener("input", () => this.#take(() => readText(part("paste").value)));
    part("example").addEventListener("click", () => download(new Blob([EXAMPLE], { type: "text/csv" }), "prompts.csv"));
    part("render").addEventListener("click", () => (this.#stop ? this.#stop.abort() : this.#render(this.#missing())));
    part("zip").addEventListener("click", () => this.#zip());
    part("other-voice").addEventListener("click", () => {
      Object.assign(this.#list, this.#voice());
      this.#check();
    });
    part("clear").addEventListener("click", () => this.#forget());
    const drop = part("drop");
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      });
    }
    drop.addEventListener("drop", ({ dataTransfer }) => {
      if (dataTransfer.files[0]) this.#take(() => readFile(dataTransfer.files[0]));
    });
  }

  /** Show the list of this browser with the voice that it has; another that was chosen since is offered. */
  open() {
    this.#showVoice();
    if (this.#list && !this.#stop) this.#check();
  }

  #voice() {
    return { voice: this.#hooks.voice(), voiceName: this.#hooks.voiceName() };
  }

  #showVoice() {
    const now = this.#voice();
    const { voice, voiceName } = this.#list ?? now;
    this.#part("whose-voice").textContent = voiceName;
    this.#part("other-voice").hidden = JSON.stringify(voice) === JSON.stringify(now.voice);
    this.#part("other-voice").textContent = `Use ${now.voiceName}`;
  }

  async #take(read) {
    try {
      const table = await read();
      this.#list = { ...table, ...this.#voice(), system: this.#part("for").value };
      this.#part("paste").value = this.#part("file").value = "";
      await this.#check();
    } catch (error) {
      this.#say(error.message);
    }
  }

  #forget() {
    this.#stop?.abort();
    this.#list = this.#checked = null;
    keep(KEY, null);
    this.#showVoice();
    for (const id of ["sums", "prompt-table"]) this.#part(id).hidden = true;
    this.#say("");
  }

  /** Ask what is known and what is wrong; nothing is paid. */
  async #check() {
    if (!this.#list) return;
    const { columns, rows, voice } = this.#list;
    this.#showVoice();
    const system = systemOf(this.#part("for").value);
    this.#list.system = system.id;
    keep(KEY, this.#list);
    const defaults = { ...voice, audio_format: system.format, sample_rate: system.rate };
    try {
      this.#checked = await checkPrompts({ ...marked(columns, rows, this.#textColumn()), defaults });
      this.#show();
    } catch (error) {
      this.#say(error instanceof Refusal ? error.message : "The server cannot be reached.");
      this.#hooks.onRefusal(error);
    }
  }

  #missing() {
    const seen = new Set();
    return this.#checked.prompts.filter((prompt) => {
      const sound = JSON.stringify(prompt.request);
      return !prompt.is_known && !seen.has(sound) && seen.add(sound);
    });
  }

  #show() {
    const { prompts, mistakes, unused } = this.#checked;
    for (const id of ["sums", "prompt-table"]) this.#part(id).hidden = false;
    const wrong = new Map(mistakes.map(({ row, error }) => [row, error]));
    const right = new Map(prompts.map((prompt) => [prompt.row, prompt]));
    const text = this.#textColumn();
    const { columns } = this.#list;
    this.#rows = this.#list.rows.map(
      (cells, at) => new Row({ at, cells, columns, text, tab: this, prompt: right.get(at), mistake: wrong.get(at) }),
    );
    this.#part("prompt-rows").replaceChildren(...this.#rows.map(({ element }) => element));
    this.#sums();
    this.#say(
      [
        ...(mistakes.length ? [`Correct the rows that are marked; nothing is paid before.`] : []),
        ...(unused.length ? [`Not used, because they are no fields of speech: ${unused.join(", ")}.`] : []),
      ].join(" "),
    );
  }

  #sums() {
    const { prompts, mistakes } = this.#checked;
    const missing = this.#missing();
    const known = prompts.filter((prompt) => prompt.is_known).length;
    const paid = missing.filter((prompt) => !prompt.is_local).reduce((sum, prompt) => sum + prompt.characters, 0);
    const facts = {
      prompts: this.#list.rows.length,
      known,
      missing: missing.length,
      paid: paid || missing.length === 0 ? paid : "Free",
      wrong: mistakes.length,
    };
    for (const [name, value] of Object.entries(facts)) {
      this.#part(`sum-${name}`).textContent = value.toLocaleString("en");
    }
    this.#part("sum-wrong").parentElement.classList.toggle("bad", mistakes.length > 0);
    const render = this.#part("render");
    render.disabled = missing.length === 0 || mistakes.length > 0;
    render.textContent = missing.length ? `Render ${missing.length.toLocaleString("en")}` : "All are rendered";
    this.#part("zip").disabled = missing.length > 0 || mistakes.length > 0;
  }

  #textColumn() {
    const names = this.#list.columns.map((column) => column.trim().toLowerCase());
    return Math.max(names.indexOf("text"), names.indexOf("prompt"));
  }

  /** Take another value for a cell, and check the list again. */
  async edit(row, column, value) {
    this.#list.rows[row][column] = value;
    await this.#check();
  }

  async renderOne(prompt) {
    await this.#render([prompt]);
  }

  async #render(prompts) {
    const stop = (this.#stop = new AbortController());
    const bar = this.#part("progress");
    const todo = [...prompts];
    let done = 0;
    let failed = 0;
    Object.assign(bar, { max: todo.length, value: 0, hidden: false });
    this.#part("render").textContent = "Stop";
    this.#part("render").disabled = false;
    this.#say(`0 of ${todo.length} ...`);
    const work = async () => {
      while (todo.length && !stop.signal.aborted) {
        const prompt = todo.shift();
        try {
          await fetched(prompt, {}, stop.signal);
          for (const same of this.#alike(prompt)) this.#mark(same, true);
        } catch (error) {
          if (stop.signal.aborted) return;
          failed += 1;
          this.#rows[prompt.row].fail(error instanceof Refusal ? error.message : "The server cannot be reached.");
          this.#hooks.onRefusal(error);
          // The others would fail for the same reason.
          if ([401, 403].includes(error.status) || error.code === "QUOTA_EXCEEDED") stop.abort();
        }
        bar.value = done += 1;
        this.#say(`${done} of ${prompts.length} ...`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#stop = null;
    bar.hidden = true;
    this.#sums();
    const rest = this.#missing().length;
    if (failed) this.#say(`${failed} failed; they are marked below.`);
    else if (rest && stop.signal.aborted) this.#say(`Stopped. ${done} were rendered and are kept; ${rest} are left.`);
    else this.#say(prompts.length === 1 ? "Rendered." : `${prompts.length} prompts rendered.`);
  }

  #alike({ request }) {
    const sound = JSON.stringify(request);
    return this.#checked.prompts.filter((prompt) => JSON.stringify(prompt.request) === sound);
  }

  #mark(prompt, isKnown) {
    prompt.is_known = isKnown;
    this.#rows[prompt.row].known();
  }

  async play(row, prompt) {
    const wasPlaying = row.playing;
    this.#replay.stop();
    this.#playing(null);
    if (wasPlaying) return;
    this.#playing(row);
    try {
      const response = await fetched(prompt);
      for (const same of this.#alike(prompt)) this.#mark(same, true);
      const { audio_format: format, sample_rate: rate } = prompt.request;
      this.#replay.load(playable(await response.arrayBuffer(), format, rate));
      await this.#replay.playFrom(0, 1);
      if (!this.#stop) this.#sums();
    } catch (error) {
      this.#playing(null);
      row.fail(error instanceof Refusal ? error.message : "It cannot be played.");
      this.#hooks.onRefusal(error);
    }
  }

  #playing(row) {
    for (const each of this.#rows) each.playing = each === row;
  }

  /** Collect what is rendered already; a prompt that is gone from the cache is told, not paid again. */
  async #zip() {
    const system = systemOf(this.#part("for").value);
    const { zipSync } = await library("studio/fflate.js", "fflate");
    // The system may have changed a moment ago, and with it the format.
    await this.#check();
    const files = {};
    const { prompts } = this.#checked;
    this.#part("zip").disabled = true;
    try {
      for (const prompt of prompts) {
        const response = await fetched(prompt, { "Cache-Control": "only-if-cached" });
        // Audio hardly shrinks.
        files[pathOf(system, prompt.name)] = [new Uint8Array(await response.arrayBuffer()), { level: 0 }];
        this.#say(`${Object.keys(files).length} of ${prompts.length} ...`);
      }
      download(new Blob([zipSync(files)], { type: "application/zip" }), `prompts-${system.id}.zip`);
      this.#say(`Saved prompts-${system.id}.zip: ${prompts.length} files for ${system.name}.`);
    } catch (error) {
      this.#say(error instanceof Refusal ? error.message : "The server cannot be reached.");
      this.#hooks.onRefusal(error);
      if (error.code === "NOT_CACHED") await this.#check();
    } finally {
      this.#part("zip").disabled = false;
    }
  }

  #say(sentence) {
    this.#part("prompts-status").textContent = sentence;
  }
}

/** One row of the table. */
class Row {
  #state;
  #play;

  constructor({ at, cells, columns, text, tab, prompt, mistake }) {
    const element = (this.element = document.createElement("li"));
    const name = document.createElement("strong");
    const cell = (column, label) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "text", value: cells[column] ?? "", ariaLabel: label });
      input.addEventListener("change", () => tab.edit(at, column, input.value));
      return input;
    };
    this.#state = document.createElement("span");
    this.#play = button("Play", `Play row ${at + 2}`);
    name.textContent = prompt?.name ?? `Row ${at + 2}`;
    element.append(name, cell(text, `Text of row ${at + 2}`), this.#state, this.#play);
    if (!prompt) {
      this.#play.hidden = true;
      this.fail(mistake);
      // The mistake may be in any cell.
      const others = document.createElement("div");
      for (const [column, title] of columns.entries()) {
        const label = document.createElement("label");
        label.append(title, cell(column, `${title} of row ${at + 2}`));
        if (column !== text && title.trim()) others.append(label);
      }
      element.append(others);
      return;
    }
    this.#play.addEventListener("click", () => tab.play(this, prompt));
    if (prompt.is_known) return this.known();
    element.dataset.state = "new";
    const once = button("Render", `Render row ${at + 2} alone`);
    once.addEventListener("click", () => tab.renderOne(prompt));
    this.#play.hidden = true;
    element.append(once);
    this.#state.textContent = "New";
  }

  known() {
    this.element.dataset.state = "known";
    this.#state.textContent = "Ready";
    this.#play.hidden = false;
    this.element.querySelector("button + button")?.remove();
  }

  fail(sentence) {
    this.element.dataset.state = "wrong";
    this.#state.textContent = sentence;
  }

  set playing(value) {
    this.#play.textContent = value ? "Stop" : "Play";
  }

  get playing() {
    return this.#play.textContent === "Stop";
  }
}

/** Return the table with the marks of its texts as SSML, where it has no column of its own for that. */
function marked(columns, rows, text) {
  const texts = rows.map((cells) => compiled(cells[text] ?? ""));
  const isPlain = texts.every(({ markup }) => !markup);
  if (isPlain || columns.some((column) => column.trim().toLowerCase() === "markup")) return { columns, rows };
  const cellsOf = (cells, { text: words, markup = "" }) => [...columns.keys()].map((at) => (at === text ? words : (cells[at] ?? ""))).concat(markup);
  return { columns: [...columns, "markup"], rows: rows.map((cells, at) => cellsOf(cells, texts[at])) };
}

/** Return the response of POST /speak; a vendor that is busy is asked again when it says so. */
async function fetched({ request }, headers = {}, signal = undefined) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await speak(request, { signal, headers });
      // The whole of it: what is cut off would be lost.
      const body = await response.blob();
      return { arrayBuffer: () => body.arrayBuffer() };
    } catch (error) {
      if (attempt === ATTEMPTS || !BUSY.has(error.code) || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter || 2 ** attempt)));
    }
  }
}
