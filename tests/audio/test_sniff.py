import io

import pytest
import soundfile

from sayna.audio import FORMATS, containers, mpeg, resolve
from sayna.audio.spec import AudioSpec
from tests.audio.sounds import pieces, sine, written

TAG = b"ID3\x04\0\0\0\0\x02\x01" + bytes(257)
FRAMES = written(sine(22050), resolve("mp3", 22050))


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_known_by_their_bytes(name: str) -> None:
    data = written(sine(8000, hertz=1000), resolve(name, 8000))
    container = name.partition("-")[0]
    assert containers.kind(data[:2000]) == (container if container in containers.DECODABLE else "")


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("data", [FRAMES, TAG + FRAMES])
def test_mp3_is_known_with_and_without_a_tag(data: bytes, size: int) -> None:
    head = containers.head_of(pieces(data, size))
    assert (containers.kind(head), containers.sample_rate(head)) == ("mp3", 22050)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3"])
@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_rate_is_read_from_the_header(name: str, rate: int) -> None:
    assert containers.sample_rate(written(sine(rate), resolve(name, rate))[:2000]) == rate


@pytest.mark.parametrize("data", [b"\xff\xfb" * 2000, b"\xff" * 4000, b"\xff\xfb\x90\x64" + bytes(4000)])
def test_samples_like_a_frame_are_not_mp3(data: bytes) -> None:
    assert containers.kind(containers.head_of(iter([data]))) == ""


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RF64\xff\xff\xff\xffWAVEds64" + bytes(60), "wav"),
        (b"OggS" + bytes(24) + b"\x01vorbis" + bytes(30), "ogg"),
        (b"\x1aE\xdf\xa3" + bytes(60), "webm"),
        (b"\0\0\0\x18ftypM4A " + bytes(60), "mp4"),
        (b"\x1f\x8b\x08" + bytes(61), "gzip"),
        (b"RIFF\0\0\0\0AVI " + bytes(60), ""),
    ],
)
def test_other_containers_have_a_name(head: bytes, kind: str) -> None:
    assert containers.kind(head) == kind


TEXTS = [
    b"<!DOCTYPE html><html>",
    b"\xef\xbb\xbf<html><body>",
    b"<Error><Code>Busy</Code></Error>",
    b'{"error": {"message": "no"}}',
    b'[{"error": "no"}]',
    '{"code": 1004, "message": "鉴权失败"}'.encode(),
    b"upstream connect error or disconnect/reset before headers",
    "Erreur : clé refusée par le fournisseur".encode(),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cut", [0, 1])
def test_text_is_known_even_cut_within_a_letter(text: bytes, cut: int) -> None:
    assert containers.kind(text[: len(text) - cut]) == "text"


@pytest.mark.parametrize("byte", [b"\x55", b"\xd5", b"\x7e", b"\xff", b"{", b"<", b"a", b"\0"])
def test_constant_samples_are_no_text(byte: bytes) -> None:
    assert containers.kind(byte * 640) == ""


def test_g711_of_every_loudness_is_no_text() -> None:
    for subtype in ("ULAW", "ALAW"):
        for level in (1, 30, 300, 3000, 16000):
            buffer = io.BytesIO()
            samples = sine(8000) // (16384 // level)
            soundfile.write(buffer, samples, 8000, format="RAW", subtype=subtype)
            assert containers.kind(buffer.getvalue()[:64]) == ""


@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\x01\0" + bytes(128)])
@pytest.mark.parametrize("rate", [16000, 24000, 44100])
def test_frame_that_states_the_length_is_left_out(rate: int, tag: bytes) -> None:
    data = written(sine(rate), AudioSpec("mp3", rate))
    head = containers.head_of(iter([tag + data]))
    short = mpeg.without_length(head)
    assert b"Info" in head or b"Xing" in head
    assert (short[: len(tag)], containers.kind(short)) == (tag, "mp3")
    assert mpeg.without_length(short) == short
    assert len(head) - len(short) > 90
    assert mpeg.without_length(head, len(tag + data)) == head
    assert mpeg.without_length(head, 2 * len(data)) == short
    for size in range(100):
        assert len(mpeg.without_length(head[:size])) <= size


def test_bytes_without_a_stated_length_are_kept() -> None:
    for data in (b"", b"\xff", b"ID3", bytes(2000), written(sine(24000), AudioSpec("wav", 24000))):
        assert mpeg.without_length(data) == data
