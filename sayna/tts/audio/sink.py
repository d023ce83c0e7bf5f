"""Where an encoder writes when its bytes leave before it has finished."""

import io


class Sink:
    """A file for libsndfile that only grows and whose new bytes can be drained.

    LAME keeps room for an Info frame and fills it when the file is closed. In a stream it is too late
    for that, so the empty frame is never sent; what is written after seeking back is dropped.
    """

    def __init__(self) -> None:
        self._fresh = bytearray()
        self._position = self._size = 0

    def write(self, data: bytes) -> int:
        """Append what is written at the end; take no notice of anything else."""
        if self._position == self._size:
            self._size += len(data)
            if not _is_empty_mp3_frame(data):
                self._fresh += data
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


def _is_empty_mp3_frame(data: bytes) -> bool:
    return len(data) > 4 and data[0] == 0xFF and not any(data[4:])  # noqa: PLR2004
