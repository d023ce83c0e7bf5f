"""Objects under keys, in S3, in Google Cloud Storage or in a folder."""

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sayna.config import RecordingConfig, Secret
from sayna.errors import SaynaError
from sayna.log import emit
from sayna.state.files import Check

# One part of a key. A whitelist, because Flask decodes `%5c`, `%00` and line breaks in a path, and proxies in
# front of a store normalize parts made of dots.
KEY_PART = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# nginx begins to fetch at once. The rest is for clocks that differ.
LINK_SECONDS = 60
FIRST_CHUNK_BYTES = 2**16
# With 1 MiB a recording is sent at 1,206 MB/s, with botocore's own 1 KiB at 126 MB/s (measured).
CHUNK_BYTES = 2**20
PAGE = 1000  # objects of one listing

logger = logging.getLogger("sayna.recordings")


class StorageUnavailable(SaynaError, status=503, code="RECORDING_STORAGE_UNAVAILABLE"):
    """The store cannot be read or written right now; its own message stays in the server's log."""


def failure(backend: str, reason: str) -> StorageUnavailable:
    """Return the error for a store that fails now, and log the reason, which no client sees."""
    emit(logger, logging.WARNING, "store_failed", backend=backend, fault=reason)
    return StorageUnavailable("the storage of recordings cannot be used right now", retry_after=5)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store describes it: size in bytes, quoted strong ETag, time with its zone.

    With `linkable`, nginx may fetch it by a link: the response of the store then has no header that a client
    must not see, apart from those that deploy/nginx-recordings.conf hides.
    """

    size: int
    etag: str
    modified: datetime
    linkable: bool = False


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Consecutive bytes of an object."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ObjectLink:
    """A URL at which the store sends one object to any client for LINK_SECONDS, so it is a secret.

    `if_match` is the If-Match that a request for it needs, empty when the URL itself names the version.
    """

    url: Secret
    if_match: str = ""


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """An object in a listing; `version` changes whenever its content does."""

    key: str
    size: int
    version: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """Whether a store can do its work: `status` is ok, warn (it can be read only) or failed.

    `reason` is a sentence for clients and operators, empty with ok. It names no path.
    """

    status: Check = "ok"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ObjectStream:
    """An object whose bytes are still in the store; the caller closes it, once or more often."""

    info: ObjectInfo
    span: ByteRange
    read: Callable[[int], bytes]
    close: Callable[[], None]

    def chunks(self) -> Iterator[bytes]:
        """Yield exactly the bytes of the span; raises StorageUnavailable when the store sends fewer.

        The first chunk is small, so that the client gets its first byte early.
        """
        left, size = self.span.length, FIRST_CHUNK_BYTES
        try:
            while left:
                chunk = self.read(min(size, left))
                if not chunk:
                    raise StorageUnavailable("the storage sent fewer bytes of the recording than it announced")
                left -= len(chunk)
                size = CHUNK_BYTES
                yield chunk
        finally:
            self.close()


class Store(ABC):
    """Objects under keys such as `calls/abc/audio.ogg`.

    Every method raises StorageUnavailable when the store cannot do its work; the message of the store goes
    to the log. Sayna makes the keys: no part of a key is empty, dotted or longer than 128 characters.
    """

    # Whether nginx reads the objects as files, with its own rules for ranges and conditions.
    has_files = False

    def check(self) -> StoreCheck:
        """Return what is known without a request: a store on the network is ok until a request fails."""
        return StoreCheck()

    @abstractmethod
    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object, or None when there is none."""

    @abstractmethod
    def open(self, key: str, span: ByteRange | None = None, info: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object ready to be read, or None when there is none.

        With `info`, raises StorageUnavailable when the content has changed since. A `span` needs an `info`.
        """

    def link(self, key: str, info: ObjectInfo) -> ObjectLink | None:
        """Return a link to the object of this description, or None where nginx cannot use one."""
        return None

    def read(self, key: str, limit: int) -> bytes | None:
        """Return a small object, or None when there is none; raises StorageUnavailable above `limit` bytes."""
        stream = self.open(key)
        if stream is None:
            return None
        if stream.span.length > limit:
            stream.close()
            raise StorageUnavailable("an object in the storage is larger than it should be")
        return b"".join(stream.chunks())

    @abstractmethod
    def write(self, key: str, content: bytes, *, if_absent: bool = False, replacing: ObjectInfo | None = None) -> bool:
        """Store a small object whole, and return whether the condition allowed it.

        `if_absent` writes only where there is no object, `replacing` only over that very content.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; an absent object is no error."""

    @abstractmethod
    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return at most `limit` objects behind the key `after`, by bytes of the key, and whether more follow."""

    def walk(self, prefix: str) -> Iterator[ObjectSummary]:
        """Yield every object, by bytes of the key."""
        after, more = "", True
        while more:
            listed, more = self.list(prefix, after, PAGE)
            yield from listed
            more = more and bool(listed)
            after = listed[-1].key if listed else after


def open_store(config: RecordingConfig, *, attempts: int = 3, seconds: float | None = None) -> Store | None:
    """Return the configured store, or None when there is none; the first call of the store connects.

    A call to a store on the network is attempted so often, before its first byte. `seconds` is the time that S3 has for
    a first byte, or Google for a call; None for that of recordings.
    """
    if config.backend == "s3":
        from sayna.storage.s3 import S3Store  # noqa: PLC0415 - load only the store that is configured

        return S3Store(config, attempts, seconds)
    if config.backend == "gcs":
        from sayna.storage.gcs import GCSStore  # noqa: PLC0415

        return GCSStore(config, attempts, seconds)
    if config.local_path and config.backend == "local":
        from sayna.storage.local import LocalStore  # noqa: PLC0415

        return LocalStore(config.local_path, config.prefix)
    return None
