import io

from sayna.audio.sink import Sink


def test_only_the_first_empty_frame_is_skipped() -> None:
    sink = Sink(skip_info=True)
    for data in (b"\xff\xf3\x84\xc4\0\0\0", b"\xff\xf3\x84\xc4\0\0\0", b"\0\0\0\0\0"):
        assert sink.write(data) == len(data)
    assert sink.drain() == b"\xff\xf3\x84\xc4\0\0\0" + b"\0\0\0\0\0"
    assert sink.tell() == 19


def test_what_overwrites_sent_bytes_is_dropped_and_the_end_is_kept() -> None:
    sink = Sink()
    sink.write(b"abc")
    sink.seek(0)
    sink.write(b"X")
    sink.seek(-1, io.SEEK_CUR)
    sink.seek(0, io.SEEK_END)
    sink.write(b"d")
    assert sink.drain() == b"abcd"
    assert sink.drain() == b""
