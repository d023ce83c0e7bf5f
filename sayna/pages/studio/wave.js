// Draws the clip as bars: what was heard in the accent's colour, the rest in grey.

const BAR = 5; // CSS pixels from one bar to the next
const WINDOW = 0.02; // seconds behind one stored peak

export class Wave {
  #canvas;
  #rate;
  #peaks = [];
  #seconds = 0;
  #position = 0;

  constructor(canvas, rate) {
    this.#canvas = canvas;
    this.#rate = rate;
    const again = () => this.draw(this.#position);
    new ResizeObserver(again).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }

  /** Loudest sample so far, from 0 to 1. */
  get peak() {
    return this.#peaks.reduce((loudest, peak) => Math.max(loudest, peak), 0);
  }

  clear() {
    this.#peaks = [];
    this.#seconds = 0;
    this.draw(0);
  }

  add(samples) {
    const step = Math.round(this.#rate * WINDOW);
    for (let from = 0; from < samples.length; from += step) {
      this.#peaks.push(samples.subarray(from, from + step).reduce((top, each) => Math.max(top, Math.abs(each)), 0));
    }
    this.#seconds += samples.length / this.#rate;
  }

  /** Paint everything; `position` is in seconds. */
  draw(position) {
    this.#position = position;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = window.devicePixelRatio;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const paint = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    paint.scale(scale, scale);
    const bars = Math.floor(width / BAR);
    const loudest = this.peak || 1;
    for (let bar = 0; bar < bars; bar += 1) {
      const tall = Math.max(3, (this.#loudness(bar, bars) / loudest) * (height - 4));
      const heard = position > 0 && bar / bars < position / this.#seconds;
      paint.fillStyle = style.getPropertyValue(heard ? "--accent" : "--bar");
      paint.beginPath();
      paint.roundRect(bar * BAR + 1, (height - tall) / 2, 3, tall, 1.5);
      paint.fill();
    }
  }

  #loudness(bar, bars) {
    const from = Math.floor((bar / bars) * this.#peaks.length);
    const to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * this.#peaks.length));
    return this.#peaks.slice(from, to).reduce((top, peak) => Math.max(top, peak), 0);
  }
}
