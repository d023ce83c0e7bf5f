"""Any audio of the contract turned into any other, as a stream where the target can be one."""

import itertools
from collections.abc import Iterable, Iterator

from sayna.audio.formats import RIFF, streams
from sayna.audio.plausible import ImplausibleAudio
from sayna.audio.spec import AudioSpec
from sayna.audio.wav import WavFormat, read_wav, wav_header

_ENCODINGS = {"linear16": "s16", "mulaw": "mulaw", "alaw": "alaw"}
_SAMPLE_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8, "mulaw": 1, "alaw": 1}
_CODED = ("mp3", "opus", "flac")
_SAMPLES = ("linear16", *RIFF, "flac")
_BLOCKS_PER_SECOND = 50
_WAV_HEAD_BYTES = 4096
NO_SILENCE = (0, 0)


def convert(
    chunks: Iterator[bytes],
    source: AudioSpec,
    target: AudioSpec,
    silence_ms: tuple[int, int] = NO_SILENCE,
    head: bytearray | None = None,
    *,
    gain_db: float = 0.0,
) -> Iterator[bytes]:
    """Yield the audio as `target` (mono, from `formats.resolve`), louder by `gain_db`; never an empty chunk.

    `silence_ms` is the silence before and after the audio, in milliseconds. At the end, `head` holds what stands in
    front of a whole file but comes too late for a stream: the Info frame of an mp3, which states its length.
    Raises ImplausibleAudio, while it is read, when there is no audio or it cannot be decoded.
    A wav or flac is always written anew, because vendors stream headers without a true length.
    """
    # Not decoded: it was checked on its way in, and coding it again would only lose.
    if source == target and streams(target) and silence_ms == NO_SILENCE and not gain_db:
        yield from _some(chunks)
        return
    rate, blocks = _decode(chunks, source)
    if rate != target.sample_rate or gain_db:
        from sayna.audio.resample import resample  # noqa: PLC0415

        is_lossy = target.audio_format in ("mp3", "opus")
        blocks = resample(blocks, rate, target.sample_rate, gain_db=gain_db, is_lossy=is_lossy)
    before, after = (bytes(_SAMPLE_BYTES["s16"] * (target.sample_rate * each // 1000)) for each in silence_ms)
    # _some inside too, because an encoder writes a header even when no audio follows.
    padded = itertools.chain((before,), _some(blocks), (after,))
    yield from _some(_encode(padded, target, bytearray() if head is None else head))


def master_of(source: AudioSpec) -> AudioSpec:
    """Return in which form audio from a vendor is kept: 16-bit mono samples, coded audio as it is."""
    return AudioSpec("linear16", source.sample_rate) if source.audio_format in _SAMPLES else source


def is_light(source: AudioSpec, target: AudioSpec) -> bool:
    """Return whether a conversion only moves samples: it costs less than to hand the audio to another thread."""
    is_raw = source.audio_format in _ENCODINGS or source.audio_format in RIFF
    return source == target or (is_raw and target.audio_format not in _CODED)


def duration_ms(data: bytes, spec: AudioSpec) -> int:
    """Return how long a finished clip plays, in milliseconds; raises ImplausibleAudio."""
    if spec.audio_format in RIFF:
        wav, samples = read_wav([data[:_WAV_HEAD_BYTES], data[_WAV_HEAD_BYTES:]])
        size = sum(map(len, samples))
    elif spec.audio_format in _ENCODINGS:
        wav = WavFormat(_ENCODINGS[spec.audio_format], spec.sample_rate, spec.channels)
        size = len(data)
    else:
        from sayna.audio.decoder import seconds  # noqa: PLC0415

        return round(1000 * seconds(data, spec.audio_format))
    return round(1000 * size / (_SAMPLE_BYTES[wav.encoding] * wav.sample_rate * wav.channels))


def _decode(chunks: Iterator[bytes], source: AudioSpec) -> tuple[int, Iterator[bytes]]:
    """Return rate in Hz and blocks of 16-bit little-endian mono."""
    if source.audio_format in RIFF:
        wav, chunks = read_wav(chunks)
    elif source.audio_format in _ENCODINGS:
        wav = WavFormat(_ENCODINGS[source.audio_format], source.sample_rate, source.channels)
    else:
        from sayna.audio.decoder import read  # noqa: PLC0415

        return read(chunks, source.audio_format)
    blocks = _grouped(chunks, frame=_SAMPLE_BYTES[wav.encoding] * wav.channels, rate=wav.sample_rate)
    if (wav.encoding, wav.channels) == ("s16", 1):
        return wav.sample_rate, blocks
    from sayna.audio.samples import to_mono  # noqa: PLC0415

    return wav.sample_rate, to_mono(blocks, wav.encoding, wav.channels)


def _grouped(chunks: Iterable[bytes], *, frame: int, rate: int) -> Iterator[bytes]:
    """Yield whole frames, at least 20 ms of them at once, so that tiny chunks cost little."""
    enough = rate // _BLOCKS_PER_SECOND * frame
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= enough:
            whole = len(held) - len(held) % frame
            yield bytes(held[:whole])
            del held[:whole]
    if len(held) % frame:
        raise ImplausibleAudio("The audio ends within a sample.")
    yield bytes(held)


def _encode(blocks: Iterator[bytes], target: AudioSpec, head: bytearray) -> Iterator[bytes]:
    if target.audio_format == "linear16":
        return blocks
    if target.audio_format in RIFF:
        return iter([_wav(blocks, target)])
    from sayna.audio.encoder import write, write_whole  # noqa: PLC0415

    return write(blocks, target, head) if streams(target) else iter([write_whole(blocks, target)])


def _wav(blocks: Iterator[bytes], target: AudioSpec) -> bytes:
    raw = AudioSpec(RIFF[target.audio_format], target.sample_rate)
    # One block that grows: a list of a long clip's chunks would leave as much memory in pieces that malloc keeps.
    whole = bytearray(wav_header(target, 0))
    begin = len(whole)
    for chunk in _encode(blocks, raw, bytearray()):
        whole += chunk
    size = len(whole) - begin
    whole[:begin] = wav_header(target, size)
    # RIFF pads a chunk of odd size with a byte that its size does not count.
    return bytes(whole + b"\0" if size % 2 else whole)


def _some(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on what is not empty; raises ImplausibleAudio when nothing is."""
    nothing = True
    for chunk in filter(None, chunks):
        nothing = False
        yield chunk
    if nothing:
        raise ImplausibleAudio("The audio is empty.")
