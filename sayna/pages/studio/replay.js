// Plays a finished clip again, from any place and at any speed, at its own pitch.

const TAGS = { mulaw: 7, alaw: 6 };

/** Return audio of any format as a file that browsers play: raw samples get the header of a WAV file. */
export function playable(bytes, format, rate) {
  if (format === "linear16") return wavOf([bytes], rate);
  return TAGS[format] ? wavOf([bytes], rate, TAGS[format]) : new Blob([bytes]);
}

/** Return a WAV file of 16-bit samples, or of G.711 by its tag. */
export function wavOf(pieces, rate, tag = 1) {
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const width = tag === 1 ? 2 : 1;
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, word) => [...word].forEach((letter, by) => head.setUint8(at + by, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, tag, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * width, true);
  head.setUint16(32, width, true);
  head.setUint16(34, width * 8, true);
  text(36, "data");
  head.setUint32(40, size, true);
  return new Blob([head.buffer, ...pieces], { type: "audio/wav" });
}

export class Replay {
  #audio = new Audio();

  /** `onTime(seconds)` follows the sound, `onEnd()` comes after the last of it. */
  constructor(onTime, onEnd) {
    const follow = () => {
      if (this.#audio.paused) return;
      onTime(this.#audio.currentTime);
      requestAnimationFrame(follow);
    };
    this.#audio.addEventListener("play", follow);
    this.#audio.addEventListener("ended", onEnd);
  }

  load(blob) {
    this.forget();
    this.#audio.src = URL.createObjectURL(blob);
  }

  forget() {
    this.stop();
    if (this.#audio.src) URL.revokeObjectURL(this.#audio.src);
    this.#audio.removeAttribute("src");
  }

  playFrom(seconds, speed) {
    this.#audio.playbackRate = speed;
    this.#audio.currentTime = seconds;
    return this.#audio.play();
  }

  set speed(value) {
    this.#audio.playbackRate = value;
  }

  get playing() {
    return !this.#audio.paused;
  }

  stop() {
    this.#audio.pause();
  }
}
