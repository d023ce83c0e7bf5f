import gc
import io
from collections.abc import Generator, Iterator

import numpy as np
import pytest
import soundfile
import soxr

from sayna.audio import FORMATS, SAMPLE_RATES, ImplausibleAudio, checked, convert, duration_ms, resolve
from sayna.audio.spec import AudioSpec
from tests.audio.sounds import HERTZ, heard, pieces, samples_of, sine, tone, written

# Frames of a codec at either end that decoders without its length cannot cut off.
DELAY_FRAMES = {"mp3": 2 * 1152 + 576}
STREAMING = ("linear16", "mp3", "opus", "mulaw", "alaw")


def converted(data: bytes, source: AudioSpec, target: AudioSpec, size: int = 4096) -> bytes:
    return b"".join(convert(pieces(data, size), source, target))


@pytest.mark.parametrize(
    ("source_format", "source_rate"),
    [(name, rate) for name in FORMATS for rate in (8000, 22050, 48000) if rate != 22050 or name in STREAMING],
)
@pytest.mark.parametrize("target_rate", SAMPLE_RATES)
@pytest.mark.parametrize("target_format", FORMATS)
def test_every_audio_becomes_every_other(
    source_format: str, source_rate: int, target_format: str, target_rate: int
) -> None:
    source, target = resolve(source_format, source_rate), resolve(target_format, target_rate)
    data = b"".join(checked(convert(pieces(tone(source), 4096), source, target), target))
    result = heard(data, target)
    late = DELAY_FRAMES.get(source_format, 0) / source.sample_rate
    late += DELAY_FRAMES.get(target_format, 0) / target.sample_rate
    assert (result.rate, result.channels) == (target.sample_rate, 1)
    assert 0.499 <= result.seconds <= 0.501 + late
    assert result.hertz == pytest.approx(HERTZ, abs=4)
    assert result.loudness == pytest.approx(0.3536, rel=0.25 if late else 0.06)
    assert duration_ms(data, target) == pytest.approx(1000 * result.seconds, abs=1)


@pytest.mark.parametrize("target_format", FORMATS)
@pytest.mark.parametrize("source_format", ["linear16", "wav", "mulaw"])
def test_the_sizes_of_the_chunks_change_nothing(source_format: str, target_format: str) -> None:
    source, target = resolve(source_format, 16000), resolve(target_format, 24000)
    data = written(sine(16000, 0.2), source)
    whole = samples_of(converted(data, source, target, len(data)), target)[0]
    for size in (1, 7, 4096):
        assert np.array_equal(samples_of(converted(data, source, target, size), target)[0], whole)


@pytest.mark.parametrize("source_format", ["linear16", "wav", "mulaw", "alaw"])
@pytest.mark.parametrize("target_format", STREAMING)
def test_the_first_output_does_not_wait_for_the_last_input(source_format: str, target_format: str) -> None:
    source, target = resolve(source_format, 22050), resolve(target_format, 24000)
    chunks = pieces(written(sine(22050, 3), source), 1024)
    assert next(convert(chunks, source, target))
    assert len(list(chunks)) > 20


@pytest.mark.parametrize("target_format", ["mp3", "opus"])
def test_coded_audio_keeps_coming_while_the_input_does(target_format: str) -> None:
    source, target = resolve("linear16", 24000), resolve(target_format, 24000)
    chunks = pieces(sine(24000, 4).tobytes(), 4800)
    stream = convert(chunks, source, target)
    got = 0
    while got < 2000:  # more than the headers of Ogg Opus
        got += len(next(stream))
    assert len(list(chunks)) > 20


@pytest.mark.parametrize("name", STREAMING)
def test_audio_that_is_right_already_passes_untouched(name: str) -> None:
    spec = resolve(name, 24000)
    chunks = [b"any", b"", b"thing"]
    assert list(convert(iter(chunks), spec, spec)) == [b"any", b"thing"]


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("chunks", [[], [b""]])
def test_nothing_in_is_an_error_and_not_empty_audio(source: str, target: str, chunks: list[bytes]) -> None:
    with pytest.raises(ImplausibleAudio):
        list(convert(iter(chunks), resolve(source, None), resolve(target, None)))


@pytest.mark.parametrize("name", ["mp3", "opus", "flac"])
def test_bytes_that_no_decoder_takes_are_an_error(name: str) -> None:
    with pytest.raises(ImplausibleAudio, match="cannot be decoded"):
        list(convert(iter([b"<html>not audio</html>" * 20]), resolve(name, None), resolve("wav", None)))


def test_half_a_sample_at_the_end_is_an_error() -> None:
    with pytest.raises(ImplausibleAudio, match="within a sample"):
        list(convert(iter([b"\0\0\0"]), resolve("linear16", 8000), resolve("linear16", 16000)))


@pytest.mark.parametrize("name", ["linear16", "wav", "flac", "opus", "mp3"])
def test_channels_are_mixed_to_one(name: str) -> None:
    source, target = AudioSpec(name, 24000, 2), AudioSpec("wav", 24000)
    both = np.stack([sine(24000), sine(24000, hertz=1500)], axis=1)
    data = both.tobytes() if name == "linear16" else written(both, source)
    samples, _ = samples_of(converted(data, source, target), target)
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    bins = [round(hertz * len(samples) / 24000) for hertz in (440, 1500)]
    assert samples.shape[1] == 1
    assert all(spectrum[at - 2 : at + 3].max() > 0.7 * spectrum.max() for at in bins)


def test_opposite_full_scale_channels_cancel_without_overflow() -> None:
    source, target = AudioSpec("linear16", 8000, 2), AudioSpec("linear16", 8000)
    data = np.array([[32767, 32767], [-32768, -32768], [32767, -32767]] * 100, "<i2").tobytes()
    mono = np.frombuffer(converted(data, source, target), "<i2")
    assert mono[:3].tolist() == [32767, -32768, 0]


@pytest.mark.parametrize("name", ["linear16", "mulaw", "opus", "mp3"])
def test_too_loud_a_wave_is_lowered_and_never_clips(name: str) -> None:
    source, target = resolve("linear16", 22050), resolve(name, 16000)
    square = (np.sign(sine(22050)) * 32767).astype("<i2").tobytes()
    samples, _ = samples_of(converted(square, source, target), target)
    original = np.sign(np.sin(2 * np.pi * HERTZ * np.arange(len(samples)) / 16000))
    middle = slice(2000, 6000)
    assert np.abs(samples[middle]).min() < 0.9
    assert np.abs(samples[middle, 0]).mean() > 0.6
    if name == "linear16":
        assert np.count_nonzero(np.abs(samples[middle]) > 0.9999) < 10
    if name in ("linear16", "mulaw"):
        assert np.mean(np.sign(samples[middle, 0]) == original[middle]) > 0.95


def true_peak(data: bytes, spec: AudioSpec) -> float:
    """Return the highest value of the wave, between its samples too; 1.0 is full scale."""
    samples, rate = samples_of(data, spec)
    return float(np.abs(soxr.resample(np.pad(samples[:, 0], 200), rate, 8 * rate, quality="VHQ")).max())


NOISE = np.random.default_rng(1).normal(0, 16000, 24000).clip(-32768, 32767).astype("<i2").tobytes()


# Without a gain, samples at the vendor's own rate are sent as they are.
LIMITED = [(gain_db, rate) for gain_db in (0, 20) for rate in SAMPLE_RATES if gain_db or rate != 24000]


@pytest.mark.parametrize(("gain_db", "rate"), LIMITED)
@pytest.mark.parametrize("name", ["linear16", "wav", "flac", "mulaw", "alaw", "wav-mulaw", "wav-alaw"])
def test_true_peak_of_each_form_is_below_full_scale(name: str, rate: int, gain_db: float) -> None:
    target = resolve(name, rate)
    made = b"".join(convert(pieces(NOISE, 4800), resolve("linear16", 24000), target, gain_db=gain_db))
    assert true_peak(made, target) <= 1


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_coded_speech_with_gain_is_below_full_scale(name: str) -> None:
    source, target = resolve("linear16", 24000), resolve(name, 24000)
    words = np.repeat(np.random.default_rng(2).uniform(0, 1, 40), 600)
    speech = (sine(24000, 1, 120) * words).astype("<i2").tobytes()
    made = b"".join(convert(pieces(speech, 4800), source, target, gain_db=20))
    assert 0.7 < true_peak(made, target) <= 1


@pytest.mark.parametrize("rate", [8000, 24000, 44100])
def test_gain_does_not_depend_on_the_sizes_of_chunks(rate: int) -> None:
    source, target = resolve("linear16", 24000), resolve("linear16", rate)
    made = {b"".join(convert(pieces(NOISE, size), source, target, gain_db=6)) for size in (482, 4800, len(NOISE))}
    assert len(made) == 1
    assert abs(len(made.pop()) - 2 * rate) <= 2


def test_gain_makes_the_wave_louder_or_quieter() -> None:
    spec = resolve("linear16", 24000)
    made = [b"".join(convert(pieces(sine(24000).tobytes(), 4800), spec, spec, gain_db=gain)) for gain in (3, -6)]
    assert [heard(each, spec).loudness for each in made] == pytest.approx([0.5, 0.177], rel=0.02)


def test_silence_stays_silence_through_the_resampler() -> None:
    source, target = resolve("linear16", 22050), resolve("linear16", 24000)
    assert not any(converted(bytes(44100), source, target))


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_an_mp3_stream_begins_with_sound_and_not_with_an_empty_info_frame(rate: int) -> None:
    source, target = resolve("linear16", rate), resolve("mp3", rate)
    data = converted(sine(rate).tobytes(), source, target)
    assert data[0] == 0xFF
    assert any(data[4:40])
    assert b"Info" not in data
    assert b"Xing" not in data


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
def test_a_silent_mp3_has_its_whole_length(rate: int) -> None:
    source, target = resolve("linear16", rate), resolve("mp3", rate)
    assert heard_seconds(converted(bytes(2 * rate), source, target), target) == pytest.approx(1.06, abs=0.3)


def heard_seconds(data: bytes, spec: AudioSpec) -> float:
    samples, rate = samples_of(data, spec)
    return len(samples) / rate


@pytest.mark.parametrize(
    ("name", "rate", "low", "high"),
    [("mp3", 24000, 60, 70), ("mp3", 48000, 60, 70), ("opus", 24000, 40, 75), ("opus", 8000, 40, 75)],
)
def test_speech_codecs_spend_a_sensible_number_of_bits(name: str, rate: int, low: int, high: int) -> None:
    source, target = resolve("linear16", rate), resolve(name, rate)
    size = len(converted(sine(rate, 5).tobytes(), source, target))
    assert low < size * 8 / 5000 < high


def test_a_flac_of_unknown_length_is_read_and_gets_its_length() -> None:
    spec = resolve("flac", 24000)
    streamed = bytearray(written(sine(24000), spec))
    streamed[21] &= 0xF0
    streamed[22:26] = bytes(4)
    assert duration_ms(bytes(streamed), spec) == 500
    assert soundfile.info(io.BytesIO(converted(bytes(streamed), spec, spec))).frames == 12000


def test_an_abandoned_conversion_lets_go_of_everything() -> None:
    closed = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(4800)
        finally:
            closed.append(True)

    stream = convert(endless(), resolve("linear16", 22050), resolve("mp3", 24000))
    assert isinstance(stream, Generator)
    next(stream)
    stream.close()
    del stream
    gc.collect()
    assert closed == [True]


@pytest.mark.parametrize("target", FORMATS)
def test_an_error_of_the_vendor_comes_through(target: str) -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(48000)
        raise ConnectionResetError("vendor")

    with pytest.raises(ConnectionResetError, match="vendor"):
        list(convert(breaking(), resolve("linear16", 22050), resolve(target, None)))


def test_mp3_is_decoded_while_it_arrives_and_keeps_its_error() -> None:
    source, target = resolve("mp3", 24000), resolve("linear16", 16000)
    sent = list(pieces(written(sine(24000, 4.0), source), 64))
    arrived: list[bytes] = []

    def arriving() -> Iterator[bytes]:
        for piece in sent[: len(sent) * 3 // 4]:
            arrived.append(piece)
            yield piece
        raise TimeoutError("the vendor is silent")

    chunks = convert(arriving(), source, target)
    assert next(chunks)
    assert len(arrived) < len(sent) // 2
    with pytest.raises(TimeoutError, match="the vendor is silent"):
        b"".join(chunks)
