"""Ogg streams (RFC 3533): the flag of their last page, and the number of the stream."""

import zlib
from collections.abc import Iterable, Iterator

_FLAGS = 5
_POSITION = slice(6, 14)
_END_OF_STREAM = 0x04
_SERIAL = slice(14, 18)
_CHECKSUM = slice(22, 26)
_SEGMENTS = 26
_HEADER_BYTES = 27
_ALL_BITS = 0xFFFFFFFF
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_end(data: bytes) -> bytes:
    """Return the stream with the flag on its last page, anything but Ogg as it is.

    Some vendors never set the flag. Without it libsndfile refuses a last page that ends within a packet's sound.
    """
    start = data.rfind(b"OggS") if data.startswith(b"OggS") else -1
    page = bytearray(data[max(0, start) :])
    if start < 0 or len(page) < _HEADER_BYTES or page[_FLAGS] & _END_OF_STREAM:
        return data
    page[_FLAGS] |= _END_OF_STREAM
    return data[:start] + _checked(page)


def with_serial(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pages of a stream under one number.

    libsndfile takes a random one, but a client may join ranges of two workers that have the same `ETag`.
    """
    data = bytearray()
    for chunk in chunks:
        data += chunk
        pages = bytearray()
        while size := _page_bytes(data):
            page, data = data[:size], data[size:]
            page[_SERIAL] = b"Sayn"
            pages += _checked(page)
        yield bytes(pages)


def checksum(page: bytes | bytearray) -> int:
    """Return the checksum of a page whose own checksum is zero: a CRC-32 as zlib's, with the bits the other way."""
    mirrored = zlib.crc32(page.translate(_REVERSED), _ALL_BITS) ^ _ALL_BITS
    return int(f"{mirrored:032b}"[::-1], 2)


def _checked(page: bytearray) -> bytearray:
    page[_CHECKSUM] = bytes(4)
    page[_CHECKSUM] = checksum(page).to_bytes(4, "little")
    return page


def is_last(page: bytes) -> bool:
    """Return whether a page is there as a whole, and the last packet ends on it (section 6).

    Some vendors never set the flag of the last page, so without it a granule position and an ended packet do.
    """
    if not page.startswith(b"OggS") or _page_bytes(page) != len(page):
        return False
    lacing = page[_HEADER_BYTES : _HEADER_BYTES + page[_SEGMENTS]]
    return bool(page[_FLAGS] & _END_OF_STREAM) or (granule_position(page) is not None and lacing[-1:] < b"\xff")


def granule_position(page: bytes) -> int | None:
    """Return the number of samples up to the end of a page, None when no packet ends on it."""
    position = int.from_bytes(page[_POSITION], "little", signed=True)
    return None if position == -1 else position


def _page_bytes(data: bytes | bytearray) -> int:
    """Return the size of the page that the data begins with, 0 when it is not there as a whole."""
    head = _HEADER_BYTES + data[_SEGMENTS] if len(data) >= _HEADER_BYTES else 0
    size = head + sum(data[_HEADER_BYTES:head])
    return size if head <= len(data) >= size else 0
