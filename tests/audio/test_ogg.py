from sayna.audio import convert, duration_ms, resolve
from sayna.audio.ogg import checksum, with_end, with_serial
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


def test_same_samples_are_the_same_bytes_each_time() -> None:
    spec, samples = resolve("opus", 48000), sine(48000, 3).tobytes()
    # libsndfile takes another number for each stream.
    first, second = (b"".join(convert(iter([samples]), resolve("linear16", 48000), spec)) for _ in range(2))
    assert first == second
    assert duration_ms(first, spec) == 3000


def test_pages_may_arrive_in_pieces_of_any_size() -> None:
    whole = b"".join(with_serial([OPUS]))
    for size in (1, 26, 27, 28, 4096):
        pieces = [OPUS[at : at + size] for at in range(0, len(OPUS), size)]
        assert b"".join(with_serial(pieces)) == whole
    assert len(whole) == len(OPUS)
