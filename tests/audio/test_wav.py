import io
import struct
import wave

import numpy as np
import pytest
import soundfile

from sayna.audio import ImplausibleAudio, convert, duration_ms, resolve, wav_header
from sayna.audio.spec import AudioSpec
from tests.audio.sounds import HERTZ, heard, pieces, sine, written

SPEC = AudioSpec("wav", 24000)
SAMPLES = sine(24000).tobytes()
FMT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 24000, 48000, 2, 16)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + b"\xff\xff\xff\xff" + b"WAVE" + b"".join(chunks)


def data_chunk(size: int) -> bytes:
    return struct.pack("<4sI", b"data", size)


def rewritten(data: bytes, size: int = 4096, target: AudioSpec = SPEC) -> bytes:
    return b"".join(convert(pieces(data, size), SPEC, target))


@pytest.mark.parametrize("channels", [1, 2])
def test_a_header_is_what_the_standard_library_reads(channels: int) -> None:
    with wave.open(io.BytesIO(wav_header(AudioSpec("wav", 22050, channels), 8000) + bytes(8000))) as file:
        assert file.getparams()[:4] == (channels, 2, 22050, 4000 // channels)


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, len(SAMPLES)])
def test_any_streamed_header_becomes_a_true_one(claimed: int, size: int) -> None:
    extra = struct.pack("<4sI", b"LIST", 5) + b"INFO!" + b"\0"
    data = rewritten(riff(FMT, extra, data_chunk(claimed), SAMPLES), size)
    assert data == wav_header(SPEC, len(SAMPLES)) + SAMPLES
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


@pytest.mark.parametrize(("name", "tag"), [("wav-mulaw", 7), ("wav-alaw", 6)])
@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("count", [4000, 4001])
def test_g711_in_riff_says_its_format_and_number_of_samples(name: str, tag: int, rate: int, count: int) -> None:
    target, samples = AudioSpec(name, rate), sine(rate, 1)[:count]
    data = b"".join(convert(iter([samples.tobytes()]), AudioSpec("linear16", rate), target))
    raw = b"".join(convert(iter([samples.tobytes()]), AudioSpec("linear16", rate), AudioSpec(name[4:], rate)))
    assert struct.unpack("<4sIHHIIHHH", data[12:38]) == (b"fmt ", 18, tag, 1, rate, rate, 1, 8, 0)
    assert struct.unpack("<4sII", data[38:50]) == (b"fact", 4, count)
    assert struct.unpack("<4sI", data[50:58]) == (b"data", count)
    assert data[58:] == raw + b"\0" * (count % 2)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert soundfile.info(io.BytesIO(data)).frames == count
    assert duration_ms(data, target) == round(1000 * count / rate)


def test_what_follows_the_samples_is_no_sound() -> None:
    trailer = struct.pack("<4sI", b"LIST", 4) + b"INFO"
    data = rewritten(riff(FMT, data_chunk(len(SAMPLES)), SAMPLES, trailer))
    assert data == wav_header(SPEC, len(SAMPLES)) + SAMPLES


@pytest.mark.parametrize("size", [7, 4096])
def test_samples_behind_a_length_that_is_too_short_are_sound(size: int) -> None:
    assert rewritten(riff(FMT, data_chunk(480), SAMPLES), size) == wav_header(SPEC, len(SAMPLES)) + SAMPLES


@pytest.mark.parametrize("behind", [b"\0", bytes(7), b"id3 \4\0\0\0abcd", b"_PMX\4\0\0\0abcd", b"ID3\4" + bytes(20)])
def test_tags_and_padding_behind_the_samples_are_no_sound(behind: bytes) -> None:
    data = rewritten(riff(FMT, data_chunk(len(SAMPLES)), SAMPLES, behind))
    assert data == wav_header(SPEC, len(SAMPLES)) + SAMPLES


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("size", [7, 4096])
def test_every_sample_encoding_is_read(container: str, subtype: str, size: int) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, sine(22050) / 32768, 22050, format=container, subtype=subtype)
    result = heard(rewritten(buffer.getvalue(), size), SPEC)
    assert (result.rate, result.channels) == (24000, 1)
    assert result.seconds == pytest.approx(0.5, abs=0.001)
    assert result.hertz == pytest.approx(HERTZ, abs=4)
    assert result.loudness == pytest.approx(0.3536, rel=0.02)


def test_floats_that_are_too_loud_or_no_numbers_become_samples() -> None:
    buffer = io.BytesIO()
    wild = np.array([2.0, -2.0, np.nan, np.inf, 0.5] * 200, np.float32)
    soundfile.write(buffer, wild, 24000, format="WAV", subtype="FLOAT")
    samples, _ = soundfile.read(io.BytesIO(rewritten(buffer.getvalue())), dtype="int16")
    assert samples[:5].tolist() == [32767, -32768, 0, 32767, 16384]


def test_the_rate_in_the_header_counts_and_not_the_rate_the_vendor_promised() -> None:
    data = written(sine(16000), AudioSpec("wav", 16000))
    assert heard(rewritten(data), SPEC).hertz == pytest.approx(HERTZ, abs=4)
    assert duration_ms(data, SPEC) == 500


@pytest.mark.parametrize("beyond", [1, 2, 4800, 2_000_000_000 - len(SAMPLES)])
@pytest.mark.parametrize("magic", [b"RIFF", b"RF64"])
def test_length_beyond_the_end_means_until_the_end(beyond: int, magic: bytes) -> None:
    data = rewritten(magic + riff(FMT, data_chunk(len(SAMPLES) + beyond), SAMPLES)[4:])
    assert data == wav_header(SPEC, len(SAMPLES)) + SAMPLES


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"RIFF", "within its header"),
        (riff(FMT), "within its header"),
        (riff(FMT, b"LIST\xff\xff\xff\xff"), "within its header"),
        (b"RIFX" + bytes(40), "do not begin like wav"),
        (b"RIFF\0\0\0\0AVI " + bytes(40), "do not begin like wav"),
        (riff(data_chunk(4), bytes(4)), "does not say its format"),
        (riff(b"fmt \x02\0\0\0\x01\0", data_chunk(4), bytes(4)), "does not say its format"),
        (riff(FMT.replace(b"\x01\0\x01\0", b"\x55\0\x01\0"), data_chunk(4), bytes(4)), "wav format 85"),
        (riff(FMT.replace(b"\xfe\xff", b"\0\0"), data_chunk(0)), "is empty"),
        (riff(FMT[:10] + b"\0\0" + FMT[12:], data_chunk(4), bytes(4)), "0 channels"),
        (riff(FMT[:12] + b"\x01\0\0\0" + FMT[16:], data_chunk(4), bytes(4)), "1 Hz"),
        (riff(FMT, data_chunk(0), bytes(3)), "within a sample"),
    ],
)
def test_what_is_no_wav_is_an_error(data: bytes, why: str) -> None:
    with pytest.raises(ImplausibleAudio, match=why):
        rewritten(data, 5)


def test_a_streamed_wav_is_heard_before_it_ends() -> None:
    chunks = pieces(riff(FMT, data_chunk(0xFFFFFFFF), SAMPLES), 1000)
    assert next(convert(chunks, SPEC, resolve("linear16", 24000))) == SAMPLES[:1956]
    assert len(list(chunks)) == 23


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("last", [len(SAMPLES), 0, 0xFFFFFFFF])
def test_files_behind_each_other_are_one_sound(last: int, size: int) -> None:
    files = [riff(FMT, data_chunk(len(SAMPLES)), SAMPLES)] * 2 + [riff(FMT, data_chunk(last), SAMPLES)]
    data = rewritten(b"".join(files), size)
    assert data == wav_header(SPEC, 3 * len(SAMPLES)) + 3 * SAMPLES


def test_padded_file_is_followed_by_the_next_one() -> None:
    samples = sine(8000, 1)[:4001]
    one = written(samples, AudioSpec("wav-mulaw", 8000))
    raw = written(samples, AudioSpec("mulaw", 8000))
    data = b"".join(convert(pieces(one + one, 100), AudioSpec("wav-mulaw", 8000), AudioSpec("mulaw", 8000)))
    assert len(one) % 2 == 0
    assert data == raw + raw


def test_thousands_of_joined_files_take_no_stack() -> None:
    tiny = riff(FMT, data_chunk(20), bytes(20))
    assert len(rewritten(tiny * 5000)) == 44 + 5000 * 20


def test_file_in_another_format_behind_a_file_is_an_error() -> None:
    other = written(sine(16000), AudioSpec("wav", 16000))
    with pytest.raises(ImplausibleAudio, match="goes on in another format"):
        rewritten(riff(FMT, data_chunk(len(SAMPLES)), SAMPLES) + other)
