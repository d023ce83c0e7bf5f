import itertools
from collections.abc import Iterator

import pytest

from sayna.audio import FORMATS, ImplausibleAudio, checked, resolve
from tests.audio.sounds import pieces, sine, written

HTML = b"<!DOCTYPE html>\n<html><body>502 Bad Gateway \xe2\x80\x94 try again</body></html>"
JSON = b'{"error": {"code": 429, "message": "Too many requests"}}'
BODIES = [HTML, JSON, b"\n <HTML>", b'<?xml version="1.0"?><Error/>', b"", b'{"a":1}\n']


def clip(name: str, seconds: float = 0.3) -> bytes:
    spec = resolve(name, None)
    return written(sine(spec.sample_rate, seconds), spec)


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("name", FORMATS)
def test_true_audio_passes_unchanged(name: str, size: int) -> None:
    data = clip(name)
    assert b"".join(checked(pieces(data, size), resolve(name, None))) == data


@pytest.mark.parametrize("size", [1, 4096])
@pytest.mark.parametrize("body", [HTML, JSON, b"\n <HTML>", b'<?xml version="1.0"?><Error/>', b"", b'{"a":1}\n'])
@pytest.mark.parametrize("name", FORMATS)
def test_a_page_instead_of_audio_raises_before_the_first_byte(name: str, body: bytes, size: int) -> None:
    with pytest.raises(ImplausibleAudio):
        next(checked(pieces(body, size), resolve(name, None)))


@pytest.mark.parametrize("sent", FORMATS)
@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "flac"])
def test_another_format_than_said_raises_before_the_first_byte(name: str, sent: str) -> None:
    if sent.partition("-")[0] != name:
        with pytest.raises(ImplausibleAudio, match=f"do not begin like {name}"):
            next(checked(pieces(clip(sent), 512), resolve(name, None)))


@pytest.mark.parametrize(
    ("name", "head"),
    [("mp3", b"\xff\xf1\x50\x80" + bytes(200)), ("opus", b"OggS" + bytes(24) + b"\x01vorbis" + bytes(99))],
)
def test_a_neighbour_of_the_format_is_not_taken_for_it(name: str, head: bytes) -> None:
    with pytest.raises(ImplausibleAudio):
        next(checked(iter([head]), resolve(name, None)))


def test_an_mp3_may_begin_with_a_tag() -> None:
    tagged = b"ID3\x04\0\0\0\0\0\0" + clip("mp3")
    assert b"".join(checked(pieces(tagged, 99), resolve("mp3", None))) == tagged


@pytest.mark.parametrize("head", [b"<", b"{", b'{"', b"<ht", b"< html", b'{"looks like text' + bytes(2)])
@pytest.mark.parametrize("name", ["linear16", "mulaw", "alaw"])
def test_raw_audio_may_begin_like_text(name: str, head: bytes) -> None:
    data = head + bytes(1000 - len(head))
    assert b"".join(checked(pieces(data, 2), resolve(name, None))) == data


@pytest.mark.parametrize("name", ["linear16", "mulaw", "mp3", "opus", "flac", "wav"])
def test_no_more_than_the_head_is_held_back(name: str) -> None:
    chunks = pieces(clip(name), 64)
    next(checked(chunks, resolve(name, None)))
    assert sum(map(len, chunks)) == len(clip(name)) - 64


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_an_opus_stream_without_its_last_page_raises_at_the_end(cut: int) -> None:
    stream = checked(pieces(clip("opus")[:-cut], 300), resolve("opus", None))
    assert next(stream)
    with pytest.raises(ImplausibleAudio, match="before its last page"):
        list(stream)


def test_opus_whose_last_page_has_no_flag_is_whole() -> None:
    data = bytearray(clip("opus", 4))
    data[data.rfind(b"OggS") + 5] = 0
    assert b"".join(checked(pieces(bytes(data), 300), resolve("opus", None))) == data


@pytest.mark.parametrize("change", [(26 + 1, 255), (6, -1)])
def test_opus_that_stops_within_a_packet_raises(change: tuple[int, int]) -> None:
    """The last packet goes on in a next page: its lacing is 255, or no packet ends on the page."""
    data = bytearray(clip("opus"))
    last = data.rfind(b"OggS")
    header = bytearray(data[last : last + 27])
    header[5], header[26] = 0, 1
    if change[1] < 0:
        header[6:14] = b"\xff" * 8
    lacing = bytes([255 if change[1] > 0 else 10])
    broken = bytes(data[:last]) + bytes(header) + lacing + bytes(lacing[0])
    with pytest.raises(ImplausibleAudio, match="before its last page"):
        list(checked(pieces(broken, 300), resolve("opus", None)))


def test_an_opus_stream_may_end_with_a_page_on_which_no_packet_ends() -> None:
    data = bytearray(clip("opus"))
    last = data.rfind(b"OggS")
    data[last + 6 : last + 14] = b"\xff" * 8
    assert b"".join(checked(pieces(bytes(data), 300), resolve("opus", None))) == data


def test_half_a_sample_at_the_end_raises() -> None:
    with pytest.raises(ImplausibleAudio, match="within a sample"):
        list(checked(iter([bytes(4001)]), resolve("linear16", None)))


@pytest.mark.parametrize("name", ["linear16", "mulaw", "alaw", "wav", "opus"])
def test_a_clip_shorter_than_ten_milliseconds_raises(name: str) -> None:
    with pytest.raises(ImplausibleAudio, match="shorter than 10 ms"):
        list(checked(pieces(clip(name, 0.0095), 50), resolve(name, None)))


@pytest.mark.parametrize(("name", "size"), [("mp3", 40), ("flac", 42)])
def test_a_header_without_frames_raises(name: str, size: int) -> None:
    with pytest.raises(ImplausibleAudio, match="shorter than 10 ms"):
        list(checked(iter([clip(name)[:size]]), resolve(name, None)))


@pytest.mark.parametrize("name", FORMATS)
def test_ten_milliseconds_are_enough(name: str) -> None:
    data = clip(name, 0.0101)
    assert b"".join(checked(iter([data]), resolve(name, None))) == data


def test_an_error_of_the_vendor_comes_through_after_the_bytes_before_it() -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(100)
        raise ConnectionResetError("vendor")

    stream = checked(breaking(), resolve("linear16", None))
    assert list(itertools.islice(stream, 1)) == [bytes(100)]
    with pytest.raises(ConnectionResetError):
        next(stream)
