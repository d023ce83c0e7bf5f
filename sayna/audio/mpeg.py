"""Where an mp3 begins and how long its frames are: ID3 tags, and the headers of MPEG audio, layer III."""

import re
import sys

# The largest frame of MPEG-1 layer III, and the header of the next frame.
TWO_FRAMES_BYTES = 1441 + 4
MAX_TAG_BYTES = 65536
_TAG_BYTES = 10
# The flags of a frame with both numbers: two others may be set.
_COUNTED = (b"\x03", b"\x07", b"\x0b", b"\x0f")
# The size of an ID3v1 tag (https://id3.org/ID3v1).
END_TAG_BYTES = 128
# By the version bits of an MPEG frame: rates in Hz, bit rates in kbit/s, and an eighth of the samples of a frame.
_LOW_KBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_VERSIONS = {
    3: ((44100, 48000, 32000), (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 144),
    2: ((22050, 24000, 16000), _LOW_KBITS, 72),
    0: ((11025, 12000, 8000), _LOW_KBITS, 72),
}
# Behind the header of a frame and 9, 17 or 32 bytes, by its version and channels.
_LENGTH = re.compile(rb".{13}(?:.{8}(?:.{15})?)?(?:Xing|Info)", re.DOTALL)


def is_frame(head: bytes) -> bool:
    """Return whether eleven sync bits and the bits of layer III come first; AAC in ADTS has layer 0."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # noqa: PLR2004


def after_tag(head: bytes) -> int:
    """Return the size of an ID3 tag in bytes, 0 without one (https://id3.org/id3v2.4.0-structure)."""
    if not head.startswith(b"ID3") or len(head) < _TAG_BYTES or max(head[6:10]) > 0x7F:  # noqa: PLR2004
        return 0
    size = 0
    for septet in head[6:10]:
        size = size << 7 | septet
    return _TAG_BYTES + size


def frame_of(head: bytes) -> tuple[int, int] | None:
    """Return the rate in Hz and the size in bytes of a frame of layer III; the size is 0 for a free bit rate."""
    if len(head) < 4 or not is_frame(head):  # noqa: PLR2004
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _VERSIONS or bits == 15 or rate == 3:  # noqa: PLR2004
        return None
    rates, kbits, factor = _VERSIONS[version]
    size = factor * 1000 * kbits[bits] // rates[rate] + (head[2] >> 1 & 1)
    return rates[rate], size if kbits[bits] else 0


def has_two_frames(head: bytes) -> bool:
    """Return whether two frames of one rate come first."""
    first = frame_of(head)
    second = frame_of(head[first[1] :]) if first and first[1] else None
    return bool(first and second and first[0] == second[0])


def without_length(head: bytes, size: int = sys.maxsize) -> bytes:
    """Return the beginning of an mp3 of `size` bytes without the Xing or Info frame that states a shorter length.

    Servers that join an mp3 for each sentence keep that of the first, and players would stop after it
    (github.com/richardr1126/openreader/pull/129). A true one stays: it also says which silence the encoder has added.
    """
    start = after_tag(head)
    frame, found = frame_of(head[start:]), _LENGTH.match(head, start)
    if not frame or not found:
        return head
    # Flags, then the number of frames and of bytes where the flags say so.
    fields = head[found.end() :]
    stated = int.from_bytes(fields[8:12], "big") if fields[3:4] in _COUNTED else 0
    return head if start + stated + END_TAG_BYTES >= size else head[:start] + head[start + frame[1] :]
