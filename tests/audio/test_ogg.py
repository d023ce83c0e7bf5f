from sayna.audio import duration_ms, resolve
from sayna.audio.ogg import checksum, with_end
from tests.audio.sounds import sine, written

OPUS = written(sine(48000, 3), resolve("opus", 48000))
LAST = OPUS.rfind(b"OggS")


def test_checksum_is_what_libogg_writes() -> None:
    page = bytearray(OPUS[LAST:])
    known = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert checksum(page) == known


def test_missing_flag_is_set_again() -> None:
    page = bytearray(OPUS[LAST:])
    page[5] = 0
    assert with_end(OPUS[:LAST] + bytes(page)) == OPUS
    assert duration_ms(OPUS[:LAST] + bytes(page), resolve("opus", 48000)) == 3000


def test_what_has_the_flag_or_is_no_ogg_is_unchanged() -> None:
    for data in (OPUS, b"", b"OggS", b"fLaC" + bytes(100), b"ID3OggS" + bytes(99)):
        assert with_end(data) is data
