"""The recordings of one store, and what the conditions and ranges of a request mean for one of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from werkzeug import datastructures, http

from sayna.caller import Caller
from sayna.recordings.errors import InvalidStreamId, PreconditionFailed, RangeNotSatisfiable, RecordingNotFound
from sayna.recordings.listing import Cursors, Folder, RecordingLister, RecordingPage, by_folder
from sayna.recordings.owners import Owner, OwnerFiles
from sayna.storage import KEY_PART, ByteRange, ObjectInfo, ObjectLink, ObjectStream, Store, StoreCheck

CONDITIONAL = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
# int() refuses more than 4300 digits, and no object has 10^18 bytes.
LONG_NUMBER = re.compile(r"[0-9]{19,}")
LARGEST = "9" * 18
Headers = datastructures.Headers | Mapping[str, str]
EMPTY_SUFFIX = re.compile(r"[ \t]*bytes[ \t]*=[ \t]*-0+[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RangeDecision:
    """The status of the response, and the bytes to send; None for a response without a body."""

    status: int
    span: ByteRange | None


def evaluate(headers: Headers, info: ObjectInfo, *, ranges: bool) -> RangeDecision:
    """Return what to send; without `ranges` the Range is ignored, as HEAD requires.

    Raises PreconditionFailed and RangeNotSatisfiable.
    """
    # In the order of RFC 9110, 13.2.2.
    if not _matches(headers, info):
        raise PreconditionFailed("the recording is not in the state that If-Match or If-Unmodified-Since names")
    if _is_known(headers, info):
        return RangeDecision(304, None)
    header = headers.get("Range") if ranges and _is_current(headers.get("If-Range"), info) else None
    if header is not None and (span := _span(header, info.size)):
        return RangeDecision(206, span)
    return RangeDecision(200, ByteRange(0, info.size))


def _matches(headers: Headers, info: ObjectInfo) -> bool:
    if (tags := headers.get("If-Match")) is not None:
        return entity_tags(tags).contains(info.etag.strip('"'))
    since = parsed_date(headers.get("If-Unmodified-Since"))
    return since is None or _whole_seconds(info) <= since


def _is_known(headers: Headers, info: ObjectInfo) -> bool:
    # With a tag the date does not count (RFC 9110, 13.1.3).
    if (tags := headers.get("If-None-Match")) is not None:
        return entity_tags(tags).contains_weak(info.etag.strip('"'))
    since = parsed_date(headers.get("If-Modified-Since"))
    return since is not None and _whole_seconds(info) <= since


def _is_current(if_range: str | None, info: ObjectInfo) -> bool:
    """Return whether If-Range still holds: only a strong ETag or the exact date do."""
    return if_range is None or if_range.strip() in (info.etag, http.http_date(info.modified))


def _span(header: str, size: int) -> ByteRange | None:
    """Return the bytes of one range, or None where the response has the whole; raises RangeNotSatisfiable."""
    # werkzeug ignores a suffix of no bytes; RFC 9110, 14.1.2 calls it not satisfiable.
    if EMPTY_SUFFIX.fullmatch(header):
        raise RangeNotSatisfiable(size)
    parsed = http.parse_range_header(LONG_NUMBER.sub(LARGEST, header))
    # Many small ranges of one file keep a server busy. RFC 9110, 14.2 allows the whole instead.
    if parsed is None or parsed.units != "bytes" or len(parsed.ranges) != 1:
        return None
    start, end = parsed.ranges[0]
    start = max(0, size + start) if start < 0 else start
    if start >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, min(end or size, size) - start)


def entity_tags(header: str) -> datastructures.ETags:
    """Return the ETags of a header, without their quotes; None stands for an empty one."""
    # werkzeug accepts tags without quotes too; RFC 9110, 8.8.3 does not.
    return http.parse_etags(header.strip() if '"' in header or header.strip() == "*" else "")


def parsed_date(header: str | None) -> datetime | None:
    """Return the date of a header, or None when it is not one."""
    try:
        return http.parse_date(header)
    except OverflowError:
        # A day or a zone of twenty digits.
        return None


def _whole_seconds(info: ObjectInfo) -> datetime:
    # HTTP dates have no fractions; with them, a file would always be younger than its own Last-Modified.
    return info.modified.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Download:
    """The answer to a request for a recording.

    `span` is None for a 304. `stream` is None when the response has no body; otherwise the caller closes it.
    With `accel_key` nginx sends the body: from `link`, or without a link from the file of this key.
    """

    status: int
    info: ObjectInfo
    span: ByteRange | None
    stream: ObjectStream | None
    accel_key: str = ""
    link: ObjectLink | None = None


class Library:
    """One store, the prefix of its keys, and the rule for recordings without an owner.

    Every method raises StorageUnavailable when the store cannot be read.
    """

    def __init__(self, store: Store, prefix: str, *, strict: bool, secret: bytes) -> None:
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self._strict = strict
        self._lister = RecordingLister(store, self._prefix)
        self.cursors = Cursors(secret)
        self.owners = OwnerFiles(store, self._prefix)

    def open(
        self, stream_id: str, caller: Caller, headers: Headers, *, is_head: bool = False, by_nginx: bool = False
    ) -> Download:
        """Return the recording, as far as the headers of the request ask for it; `by_nginx` lets nginx send it.

        Raises InvalidStreamId, RecordingNotFound, PreconditionFailed and RangeNotSatisfiable.
        """
        key = self._key_for(stream_id, caller)
        is_conditional = any(headers.get(name) is not None for name in CONDITIONAL)
        # One call of the store instead of two.
        if not (is_head or by_nginx or is_conditional):
            stream = self._open(key)
            return Download(200, stream.info, stream.span, stream)
        info = self._store.find(key)
        if info is None:
            raise RecordingNotFound
        if by_nginx and self._store.has_files:
            return Download(200, info, None, None, key)
        decision = evaluate(headers, info, ranges=not is_head)
        if is_head or decision.span is None:
            return Download(decision.status, info, decision.span, None)
        if by_nginx and (link := self._store.link(key, info)):
            return Download(decision.status, info, decision.span, None, key, link)
        return Download(decision.status, info, decision.span, self._open(key, decision.span, info))

    def page(self, caller: Caller, limit: int, cursor: str | None) -> RecordingPage:
        """Return some of the caller's recordings and the cursor of the next page; raises InvalidRequest."""
        after = self.cursors.open(cursor) if cursor else ""
        recordings, reached = self._lister.page(lambda owner: self.allows(caller, owner), limit, after)
        return RecordingPage(recordings, self.cursors.seal(reached) if reached else None)

    def folders(self) -> Iterator[Folder]:
        """Return each stream_id with its files by name, of any owner and with or without audio."""
        folders = by_folder(self._store.walk(self._prefix), self._prefix)
        return (folder for folder in folders if KEY_PART.fullmatch(folder[0]))

    def delete(self, stream_id: str, file: str) -> None:
        """Remove one file of a recording; an absent file is no error."""
        self._store.delete(f"{self._prefix}{stream_id}/{file}")

    def check(self) -> StoreCheck:
        """Return whether recordings can be read and started; readiness and POST /recording both ask this."""
        return self._store.check()

    def allows(self, caller: Caller, owner: Owner) -> bool:
        """Return whether the caller may have the recording of this owner."""
        return (owner.auth_id is None and not self._strict) or caller.may_access(owner.auth_id)

    def has_audio(self, stream_id: str) -> bool:
        """Return whether there is audio, of any owner."""
        return self._store.find(self.audio_key(stream_id)) is not None

    def audio_key(self, stream_id: str) -> str:
        """Return the key that LiveKit's egress writes to."""
        return f"{self._prefix}{stream_id}/audio.ogg"

    def _key_for(self, stream_id: str, caller: Caller) -> str:
        """Return the key of the audio, or a key without an object when the caller may not have it.

        Everything after this is then the same, in words and in time, as for an absent recording.
        """
        check_stream_id(stream_id)
        if caller.is_unrestricted or self.allows(caller, self.owners.read(stream_id) or Owner()):
            return self.audio_key(stream_id)
        # Neither the egress nor the recorder ever writes this name.
        return f"{self._prefix}{stream_id}/denied"

    def _open(self, key: str, span: ByteRange | None = None, info: ObjectInfo | None = None) -> ObjectStream:
        stream = self._store.open(key, span, info)
        if stream is None:
            raise RecordingNotFound
        return stream


def check_stream_id(stream_id: str) -> str:
    """Return the id; raises InvalidStreamId for a text that cannot be one."""
    if not KEY_PART.fullmatch(stream_id):
        raise InvalidStreamId("a stream_id has 1 to 128 letters, digits and . _ - and no two dots in a row")
    return stream_id
