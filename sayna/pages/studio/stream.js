// One clip from the server, piece by piece, as samples and with a stopwatch beside it.

import { speak } from "./api.js";

export const RATE = 24000;

/**
 * Ask for 16-bit samples and hand them to `onSamples` while they arrive.
 *
 * Returns what the clip was: its x-cache, milliseconds to the first byte and to the last and seconds of speech,
 * and its bytes in pieces.
 */
export async function listen(request, signal, onSamples) {
  const begun = performance.now();
  const response = await speak({ ...request, audio_format: "linear16", sample_rate: RATE }, { signal });
  const reader = response.body.getReader();
  const told = (name) => response.headers.get(name) ?? "";
  const figures = { cache: told("x-cache"), provider: told("x-provider"), silent: told("x-fallback") };
  Object.assign(figures, { first: null, total: 0, seconds: 0, pieces: [] });
  let odd = new Uint8Array(0);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    figures.first ??= performance.now() - begun;
    const bytes = joined(odd, piece.value);
    const whole = bytes.length - (bytes.length % 2);
    odd = bytes.slice(whole);
    if (whole) {
      figures.pieces.push(bytes.slice(0, whole));
      figures.seconds += whole / 2 / RATE;
      onSamples(samples(bytes, whole));
    }
  }
  figures.total = performance.now() - begun;
  return figures;
}

function joined(left, right) {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}

function samples(bytes, length) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  return Float32Array.from({ length: length / 2 }, (_, at) => view.getInt16(at * 2, true) / 32768);
}
