// One voice: choosing it, hearing it, what that took, saving it.

import { Refusal } from "./api.js";
import { Chooser } from "./chooser.js";
import { Player } from "./player.js";
import { price, save } from "./save.js";
import { RATE, listen } from "./stream.js";
import { Wave } from "./wave.js";

const SOURCES = { HIT: "Cached", MISS: "New", COALESCED: "Shared", BYPASS: "Not kept" };

export class Card {
  #parts = {};
  #chooser;
  #wave;
  #running = null;
  #hooks;

  /** `hooks` has text(), onChange(), onLanguage(language), onPlay(card) and onRefusal(error). */
  constructor(name, hooks) {
    this.#hooks = hooks;
    this.element = document.getElementById("card").content.firstElementChild.cloneNode(true);
    for (const part of this.element.querySelectorAll("[data-part]")) this.#parts[part.dataset.part] = part;
    const { title, wave } = this.#parts;
    const prefix = name.toLowerCase().replace(" ", "-");
    title.textContent = name;
    title.id = `${prefix}-title`;
    this.element.setAttribute("aria-labelledby", title.id);
    for (const part of ["search", "rate"]) {
      this.#parts[part].id = `${prefix}-${part}`;
      this.#parts[`${part}-label`].htmlFor = this.#parts[part].id;
    }
    this.#chooser = new Chooser(this.#parts, prefix, hooks);
    this.#wave = new Wave(wave, RATE);
    this.#listenToPeople();
  }

  /** Offer the voices of every provider; begin with another voice than `other` has, when there is one. */
  offer(byProvider, other = null) {
    this.#chooser.offer(byProvider, other && other.#chooser);
  }

  /** The body of POST /speak, without a format: what is said, by whom, how fast. */
  get request() {
    const rate = Number(this.#parts.rate.value);
    return { text: this.#hooks.text(), ...this.#chooser.chosen, ...(rate !== 1 && { speaking_rate: rate }) };
  }

  /** What the file to download is to be. */
  get file() {
    return { audio_format: this.#parts.format.value, sample_rate: Number(this.#parts["sample-rate"].value) };
  }

  /** Speak, and return whether it was heard to its end. */
  async play() {
    this.stop();
    this.#hooks.onPlay(this);
    const run = { abort: new AbortController(), player: new Player(RATE) };
    this.#running = run;
    const request = this.request;
    this.#wave.clear();
    this.#figures(null, request);
    this.#show("waiting", "Asking for speech ...");
    const frames = this.#animate(run);
    try {
      const figures = await listen(request, run.abort.signal, (samples) => this.#hear(run, samples));
      this.#figures(figures, request);
      await Promise.race([run.player.ended(), aborted(run.abort.signal)]);
      if (this.#running !== run) return false;
      this.#wave.draw(figures.seconds);
      this.#show("done", summary(figures));
      return true;
    } catch (error) {
      if (this.#running === run) this.#failed(error);
      return false;
    } finally {
      cancelAnimationFrame(frames.id);
      run.player.close();
      if (this.#running === run) this.#running = null;
    }
  }

  stop() {
    const run = this.#running;
    if (!run) return;
    this.#running = null;
    run.abort.abort();
    run.player.close();
    this.#show("stopped", "Stopped.");
  }

  #listenToPeople() {
    const { rate, format, play } = this.#parts;
    rate.addEventListener("input", () => {
      this.#parts["rate-shown"].textContent = `${Number(rate.value).toFixed(2).replace(/0$/, "")} ×`;
      this.#hooks.onChange();
    });
    format.addEventListener("change", () => {
      const telephone = format.value.endsWith("law");
      const rates = this.#parts["sample-rate"];
      // No telephone system plays G.711 at a higher rate.
      for (const option of rates.options) option.disabled = telephone && Number(option.value) > 16000;
      rates.value = telephone ? "8000" : "24000";
      this.#hooks.onChange();
    });
    this.#parts["sample-rate"].addEventListener("change", () => this.#hooks.onChange());
    play.addEventListener("click", () => (this.#running ? this.stop() : this.play()));
    this.#parts.save.addEventListener("click", () => this.#save());
  }

  #hear(run, samples) {
    if (this.#running !== run) return;
    run.player.add(samples);
    this.#wave.add(samples);
    this.element.dataset.peak = this.#wave.peak.toFixed(3);
    if (this.element.dataset.state === "waiting") this.#show("playing", "Speaking ...");
  }

  #animate(run) {
    const frames = { id: 0 };
    const step = () => {
      if (this.#running !== run) return;
      this.element.dataset.position = run.player.position.toFixed(2);
      this.#wave.draw(run.player.position);
      frames.id = requestAnimationFrame(step);
    };
    frames.id = requestAnimationFrame(step);
    return frames;
  }

  #figures(figures, request) {
    const { cache, first, total, length, cost, wave } = this.#parts;
    cache.textContent = figures ? (SOURCES[figures.cache] ?? figures.cache) : "–";
    this.element.dataset.cache = figures?.cache ?? "";
    first.textContent = figures ? milliseconds(figures.first) : "–";
    total.textContent = figures ? milliseconds(figures.total) : "–";
    length.textContent = figures ? `${figures.seconds.toFixed(1)} s` : "–";
    cost.textContent = figures ? price(request.text, figures.cache) : "–";
    wave.ariaLabel = figures ? `${figures.seconds.toFixed(1)} seconds of speech` : "Nothing heard yet";
  }

  #show(state, sentence) {
    this.element.dataset.state = state;
    this.#parts.status.textContent = sentence;
    const busy = state === "waiting" || state === "playing";
    this.#parts["play-label"].textContent = busy ? "Stop" : "Speak";
  }

  #failed(error) {
    this.#show("failed", said(error));
    this.#hooks.onRefusal(error);
  }

  async #save() {
    const { save: button, saved } = this.#parts;
    button.disabled = true;
    saved.textContent = "Fetching the file ...";
    try {
      saved.textContent = await save(this.request, this.file);
    } catch (error) {
      saved.textContent = said(error);
      this.#hooks.onRefusal(error);
    } finally {
      button.disabled = false;
    }
  }
}

function aborted(signal) {
  return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

function milliseconds(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function summary({ cache }) {
  return cache === "HIT" ? "Done. It was cached, so nothing was paid." : "Done. Speak again and it comes from the cache.";
}

function said(error) {
  return error instanceof Refusal ? error.message : "The server cannot be reached, or it broke off.";
}
