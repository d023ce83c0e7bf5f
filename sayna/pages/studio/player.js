// Plays samples while more of them are still on their way.

const LEAD = 0.06; // seconds between the arrival of samples and their sound, when nothing is playing

export class Player {
  #context;
  #begin = 0;
  #end = 0;
  #gaps = 0;
  #last = null;

  /** Make it in the handler of a click or a key, or the browser keeps it silent. */
  constructor(rate) {
    this.#context = new AudioContext({ sampleRate: rate });
    this.#context.resume();
  }

  /** Schedule samples right behind those before, or after a gap when they came too late. */
  add(samples) {
    const context = this.#context;
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    const soonest = context.currentTime + LEAD;
    if (!this.#last) this.#begin = this.#end = soonest;
    else if (this.#end < context.currentTime) {
      this.#gaps += soonest - this.#end;
      this.#end = soonest;
    }
    source.start(this.#end);
    this.#end += buffer.duration;
    this.#last = source;
  }

  /** Seconds of the clip that have been heard. */
  get position() {
    if (!this.#last) return 0;
    const heard = Math.min(this.#context.currentTime, this.#end) - this.#begin - this.#gaps;
    return Math.max(0, heard);
  }

  /** Wait until the last sample was heard. */
  async ended() {
    if (this.#last && this.#context.currentTime < this.#end) {
      await new Promise((resolve) => this.#last.addEventListener("ended", resolve, { once: true }));
    }
  }

  close() {
    if (this.#context.state !== "closed") this.#context.close();
  }
}
