// What an answer sounds like: a Blob that a browser can play, whatever form the audio came in.

const WAV_CODECS = { "audio/pcm": [1, 16], "audio/basic": [7, 8], "audio/pcmu": [7, 8], "audio/x-alaw-basic": [6, 8] };

// Raw samples have no header that says what they are, so browsers play them once they have one.
function wavHeader([codec, bits], rate, length) {
  const view = new DataView(new ArrayBuffer(44));
  const write = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, codec, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, (rate * bits) / 8, true);
  view.setUint16(32, bits / 8, true);
  view.setUint16(34, bits, true);
  write(36, "data");
  view.setUint32(40, length, true);
  return view.buffer;
}

export function playable(bytes, contentType, rate) {
  const kind = contentType.split(";")[0].trim().toLowerCase();
  const codec = WAV_CODECS[kind];
  const length = bytes.size ?? bytes.length;
  return codec
    ? new Blob([wavHeader(codec, rate, length), bytes], { type: "audio/wav" })
    : new Blob([bytes], { type: kind });
}

// The envelope of POST /speak, or null for any other JSON.
export function envelope(text) {
  try {
    const { metadata, audio } = JSON.parse(text);
    return { metadata, audio, bytes: Uint8Array.from(atob(audio), (letter) => letter.charCodeAt(0)), type: metadata.content_type };
  } catch {
    return null;
  }
}
