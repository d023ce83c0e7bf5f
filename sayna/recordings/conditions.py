"""Which part of a recording answers a request: all, one range of bytes, or none (RFC 9110, 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from werkzeug import http
from werkzeug.datastructures import ETags

from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.storage import ByteRange, ObjectInfo

CONDITIONAL = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
# int() refuses more than 4300 digits, and no object has 10^18 bytes.
LONG_NUMBER = re.compile(r"[0-9]{19,}")
LARGEST = "9" * 18
EMPTY_SUFFIX = re.compile(r"[ \t]*bytes[ \t]*=[ \t]*-0+[ \t]*", re.IGNORECASE)


class Headers(Protocol):
    """The headers of a request; names match in any case."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None when the request has none."""


@dataclass(frozen=True, slots=True)
class RangeDecision:
    """The status of the response, and the bytes to send; None for a response without a body."""

    status: int
    span: ByteRange | None


def is_conditional(headers: Headers) -> bool:
    """Return whether the response depends on the present state of the recording."""
    return any(headers.get(name) is not None for name in CONDITIONAL)


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
        return _tags(tags).contains(_opaque(info))
    since = _date(headers.get("If-Unmodified-Since"))
    return since is None or _whole_seconds(info) <= since


def _is_known(headers: Headers, info: ObjectInfo) -> bool:
    # With a tag the date does not count (RFC 9110, 13.1.3).
    if (tags := headers.get("If-None-Match")) is not None:
        return _tags(tags).contains_weak(_opaque(info))
    since = _date(headers.get("If-Modified-Since"))
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


def _tags(header: str) -> ETags:
    """Return the ETags of a header."""
    # werkzeug accepts tags without quotes too; RFC 9110, 8.8.3 does not.
    return http.parse_etags(header.strip() if '"' in header or header.strip() == "*" else "")


def _date(header: str | None) -> datetime | None:
    try:
        return http.parse_date(header)
    except OverflowError:
        # A day or a zone of twenty digits.
        return None


def _opaque(info: ObjectInfo) -> str:
    return info.etag.strip('"')


def _whole_seconds(info: ObjectInfo) -> datetime:
    # HTTP dates have no fractions; with them, a file would always be younger than its own Last-Modified.
    return info.modified.replace(microsecond=0)
