"""A file object for an encoder whose bytes are sent before it has finished."""

import io

_MP3_HEADER_BYTES = 4


class Sink:
    """A file for libsndfile that only grows and whose new bytes can be drained.

    An mp3 begins with an empty Info frame that libsndfile fills in when it closes the file. In a stream
    it is too late for that, so with `skip_info` the frame is not sent, and `info` is the frame that overwrites it.
    """

    def __init__(self, *, skip_info: bool = False) -> None:
        self._skip_info = skip_info
        self.info = b""
        self._info_bytes = 0
        self._fresh = bytearray()
        self._position = self._size = 0

    def write(self, data: bytes) -> int:
        """Append what is written at the end; take no notice of anything else."""
        if self._position == self._size:
            is_info = self._skip_info and self._size == 0 and not any(data[_MP3_HEADER_BYTES:])
            self._info_bytes += len(data) if is_info else 0
            self._fresh += b"" if is_info else data
            self._size += len(data)
        elif self._position == 0 and len(data) == self._info_bytes:
            self.info = bytes(data)
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as files do."""
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def drain(self) -> bytes:
        """Return the bytes that came since the last call."""
        drained = bytes(self._fresh)
        self._fresh.clear()
        return drained
