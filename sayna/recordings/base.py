"""What every store of recordings offers, and the one way in which its bytes are handed on."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sayna.recordings.errors import RecordingStorageUnavailable

# What may be, not what may not: `%5c`, `%00` and line breaks reach Flask decoded, and storage proxies
# normalise parts made of dots.
STREAM_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
FIRST_BYTES = 2**16
# At 1 MiB a recording passes at 1,206 MB/s, at botocore's own 1 KiB at 126 MB/s (measured).
PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store describes it: size in bytes, strong ETag in its quotes, moment with its zone."""

    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A run of bytes inside an object."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """An object as a listing shows it; `version` changes whenever its content does."""

    key: str
    size: int
    version: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectStream:
    """An object whose bytes are still in the store; whoever gets one closes it, once or more often."""

    found: ObjectInfo
    span: ByteRange
    read: Callable[[int], bytes]
    close: Callable[[], None]

    def pieces(self) -> Iterator[bytes]:
        """Yield exactly the bytes of the span; raises RecordingStorageUnavailable rather than end early.

        The first piece is small, so that the caller does not wait for a whole large one.
        """
        left, size = self.span.length, FIRST_BYTES
        try:
            while left:
                piece = self.read(min(size, left))
                if not piece:
                    raise RecordingStorageUnavailable("the recording broke off in the store")
                left -= len(piece)
                size = PIECE_BYTES
                yield piece
        finally:
            self.close()


class Store(ABC):
    """Objects under keys such as `calls/abc/audio.ogg`.

    Every method raises RecordingStorageUnavailable when the store cannot do its work; what the store said
    goes to the log. Keys were made by us: no part of them is empty, dotted or longer than 128 characters.
    """

    @abstractmethod
    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object, or None when there is none."""

    @abstractmethod
    def open(self, key: str, span: ByteRange | None = None, found: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object ready to be read, or None when there is none.

        With `found` it must still be that very content; a `span` comes with the `found` it lies in.
        """

    def read(self, key: str, limit: int) -> bytes | None:
        """Return a small object, or None when there is none; what has more than `limit` bytes is not read."""
        opened = self.open(key)
        if opened is None:
            return None
        if opened.span.length > limit:
            opened.close()
            raise RecordingStorageUnavailable("what the storage holds is larger than it should be")
        return b"".join(opened.pieces())

    @abstractmethod
    def write(self, key: str, content: bytes, *, fresh: bool, over: ObjectInfo | None = None) -> bool:
        """Store a small object whole, and tell whether that was possible.

        With `fresh` only where there is none, with `over` only in place of that very content.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is removed already."""

    @abstractmethod
    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return at most `limit` objects behind `after`, in byte order of keys, and whether more follow."""
