"""Ogg streams whose last page does not say that it is the last (RFC 3533, section 6)."""

from functools import cache

_FLAGS = 5
_END_OF_STREAM = 0x04
_CHECKSUM = slice(22, 26)
_HEADER_BYTES = 27
_POLYNOMIAL = 0x104C11DB7
_TOP_BIT = 0x80000000


def with_end(data: bytes) -> bytes:
    """Return the stream with the flag on its last page, anything but Ogg as it is.

    Some vendors never set the flag. Without it libsndfile refuses a last page that ends within a packet's sound.
    """
    start = data.rfind(b"OggS") if data.startswith(b"OggS") else -1
    page = bytearray(data[max(0, start) :])
    if start < 0 or len(page) < _HEADER_BYTES or page[_FLAGS] & _END_OF_STREAM:
        return data
    page[_FLAGS] |= _END_OF_STREAM
    page[_CHECKSUM] = bytes(4)
    page[_CHECKSUM] = checksum(page).to_bytes(4, "little")
    return data[:start] + page


def checksum(page: bytes | bytearray) -> int:
    """Return the checksum of a page whose own checksum is zero."""
    table, value = _table(), 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


@cache
def _table() -> tuple[int, ...]:
    def remainder(value: int) -> int:
        for _ in range(8):
            value = value << 1 ^ (_POLYNOMIAL if value & _TOP_BIT else 0)
        return value

    return tuple(remainder(byte << 24) for byte in range(256))
