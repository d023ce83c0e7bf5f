// One voice: choosing it, hearing it, what that took, saving it.

import { Refusal } from "./api.js";
import { Chooser } from "./chooser.js";
import { Knobs } from "./knobs.js";
import { Player } from "./player.js";
import { Replay, wavOf } from "./replay.js";
import { price, save } from "./save.js";
import { RATE, listen } from "./stream.js";
import { endingOf, systemOf, systemOptions } from "./systems.js";
import { providerName } from "./voices.js";
import { Wave } from "./wave.js";

const SOURCES = { HIT: "Cached", MISS: "New", COALESCED: "Shared", BYPASS: "Not kept" };
const CUSTOM = "custom";

export class Card {
  #parts = {};
  #chooser;
  #knobs;
  #wave;
  #replay;
  #running = null;
  #made = null;
  #hooks;

  /** `hooks` has fields(), onChange(), onLanguage(language), onPlay(card), onMade(entry) and onRefusal(error). */
  constructor(name, hooks) {
    this.#hooks = hooks;
    this.element = document.getElementById("card").content.firstElementChild.cloneNode(true);
    for (const part of this.element.querySelectorAll("[data-part]")) this.#parts[part.dataset.part] = part;
    const { title, wave, system } = this.#parts;
    const prefix = name.toLowerCase().replace(" ", "-");
    title.textContent = name;
    title.id = `${prefix}-title`;
    this.element.setAttribute("aria-labelledby", title.id);
    for (const part of ["search", "rate"]) {
      this.#parts[part].id = `${prefix}-${part}`;
      this.#parts[`${part}-label`].htmlFor = this.#parts[part].id;
    }
    system.append(...systemOptions([new Option("Other ...", CUSTOM)]));
    const onChange = () => this.changed();
    this.#knobs = new Knobs(this.#parts, onChange);
    const onProvider = (slug) => this.#knobs.show(slug);
    this.#chooser = new Chooser(this.#parts, prefix, { ...hooks, onChange, onProvider });
    this.#wave = new Wave(wave, RATE);
    this.#replay = new Replay((seconds) => this.#at(seconds), () => this.#show("done", "Done."));
    this.#listenToPeople();
  }

  /** Offer the voices of every provider; begin with another voice than `other` has, when there is one. */
  offer(byProvider, vendors, other = null) {
    this.#knobs.learn(vendors);
    this.#chooser.offer(byProvider, other && other.#chooser);
  }

  /** The body of POST /speak, without a format: what is said, by whom, how fast. */
  get request() {
    const rate = Number(this.#parts.rate.value);
    const voice = { ...this.#chooser.chosen, ...this.#knobs.chosen };
    return { ...this.#hooks.fields(), ...voice, ...(rate !== 1 && { speaking_rate: rate }) };
  }

  /** The voice alone, as fields of POST /speak. */
  get voice() {
    const { text: _text, markup: _markup, pronunciations: _pronunciations, ...voice } = this.request;
    return voice;
  }

  /** What people call the voice. */
  get voiceName() {
    return this.#chooser.voice.name;
  }

  /** What the file to download is to be. */
  get file() {
    const system = systemOf(this.#parts.system.value);
    if (system) return { audio_format: system.format, sample_rate: system.rate, ending: system.ending };
    const format = this.#parts.format.value;
    return { audio_format: format, sample_rate: Number(this.#parts["sample-rate"].value), ending: endingOf(format) };
  }

  /** Take voice and speed from an earlier request. */
  recall(request) {
    this.#chooser.recall(request);
    this.#parts.rate.value = request.speaking_rate ?? 1;
    this.#showRate();
  }

  /** What was heard is no longer what is asked for: forget it, unless it is being spoken. */
  changed() {
    if (this.#made && this.#made !== JSON.stringify(this.request)) this.#forget();
    this.#parts.sample.hidden = !/^https:\/\//.test(this.#chooser.voice.sample ?? "");
    if (!this.#parts.sample.hidden) this.#parts.sample.href = this.#chooser.voice.sample;
    this.#hooks.onChange();
  }

  /** Speak, and return whether it was heard to its end. */
  async play(text = null) {
    this.stop();
    this.#hooks.onPlay(this);
    const run = { abort: new AbortController(), player: new Player(RATE) };
    this.#forget();
    this.#running = run;
    const request = text === null ? this.request : { ...this.voice, text };
    this.#show("waiting", "Asking for speech ...");
    const frames = this.#animate(run);
    try {
      const figures = await listen(request, run.abort.signal, (samples) => this.#hear(run, samples));
      this.#figures(figures, request);
      if (text === null) this.#hooks.onMade({ request, voice: this.#chooser.voice.name, seconds: figures.seconds });
      await Promise.race([run.player.ended(), aborted(run.abort.signal)]);
      if (this.#running !== run) return false;
      this.element.dataset.position = figures.seconds.toFixed(2);
      this.#wave.draw(figures.seconds);
      this.#keep(figures, request);
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
    if (this.#replay.playing) {
      this.#replay.stop();
      this.#show("done", "Stopped.");
    }
    const run = this.#running;
    if (!run) return;
    this.#running = null;
    run.abort.abort();
    run.player.close();
    this.#show("stopped", "Stopped.");
  }

  #listenToPeople() {
    const { rate, format, play, system, custom, seek, pace, save: button } = this.#parts;
    rate.addEventListener("input", () => {
      this.#showRate();
      this.changed();
    });
    system.addEventListener("change", () => {
      custom.hidden = system.value !== CUSTOM;
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
    play.addEventListener("click", () => (this.#running || this.#replay.playing ? this.stop() : this.play()));
    seek.addEventListener("input", () => this.#playFrom(Number(seek.value)));
    pace.addEventListener("change", () => (this.#replay.speed = Number(pace.value)));
    button.addEventListener("click", () => this.#save());
  }

  #showRate() {
    this.#parts["rate-shown"].textContent = `${Number(this.#parts.rate.value).toFixed(2).replace(/0$/, "")} ×`;
  }

  #keep(figures, request) {
    const { seek, pace } = this.#parts;
    this.#made = JSON.stringify(request);
    if (this.#made !== JSON.stringify(this.request)) {
      if (request.text === this.request.text) return this.changed();
      this.#made = null;
    }
    this.#replay.load(wavOf(figures.pieces, RATE));
    Object.assign(seek, { max: figures.seconds.toFixed(2), value: 0, disabled: false });
    pace.disabled = false;
    this.#show("done", summary(figures));
  }

  #forget() {
    const { seek, pace } = this.#parts;
    if (this.#running) return;
    this.#made = null;
    this.#replay.forget();
    seek.value = 0;
    seek.disabled = pace.disabled = true;
    this.#wave.clear();
    this.#figures(null);
    this.#show("idle", "Ready.");
  }

  async #playFrom(seconds) {
    this.#hooks.onPlay(this);
    await this.#replay.playFrom(seconds, Number(this.#parts.pace.value));
    this.#show("playing", "Playing it again ...");
  }

  #at(seconds) {
    this.#parts.seek.value = seconds;
    this.element.dataset.position = seconds.toFixed(2);
    this.#wave.draw(seconds);
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

  #figures(figures, request = null) {
    const { cache, first, total, length, cost, wave } = this.#parts;
    cache.textContent = figures ? (SOURCES[figures.cache] ?? figures.cache) : "–";
    this.element.dataset.cache = figures?.cache ?? "";
    first.textContent = figures ? milliseconds(figures.first) : "–";
    total.textContent = figures ? milliseconds(figures.total) : "–";
    length.textContent = figures ? `${figures.seconds.toFixed(1)} s` : "–";
    cost.textContent = figures ? capital(price({ ...request, provider: figures.provider }, figures.cache)) : "–";
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

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function milliseconds(value) {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function summary({ cache, provider, silent }) {
  if (silent) return `Done. ${providerName(provider)} spoke, because ${silent} did not.`;
  return cache === "HIT" ? "Done. It was cached, so nothing was paid." : "Done. Speak again and it comes from the cache.";
}

function said(error) {
  return error instanceof Refusal ? error.message : "The server cannot be reached, or it broke off.";
}
