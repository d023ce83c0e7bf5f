"""What of a recording answers a request: all of it, a run of its bytes, or nothing (RFC 9110, 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Protocol

from sayna.recordings.base import ByteRange, ObjectInfo
from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable

CONDITIONAL = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
# Many small ranges of one file are an old way to keep a server busy; RFC 9110, 14.2 lets us send the whole.
ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
# Searched for, not split at commas: a tag may hold some.
ETAG = re.compile(r'(?:W/)?"[^"]*"')
MAX_DIGITS = 18


class Headers(Protocol):
    """The headers of a request, found by name in any case."""

    def get(self, name: str, /) -> str | None:
        """Return the header's value."""


@dataclass(frozen=True, slots=True)
class RangeDecision:
    """The status to answer with, and the bytes to send; None for an answer without."""

    status: int
    span: ByteRange | None


def evaluate(headers: Headers, found: ObjectInfo, *, ranges: bool) -> RangeDecision:
    """Return what to send; without `ranges` the Range is not looked at, as HEAD wants it.

    Raises PreconditionFailed and RangeNotSatisfiable.
    """
    # In the order of RFC 9110, 13.2.2.
    if not _still(headers, found):
        raise PreconditionFailed("the recording is not, or no longer, the one named by the request")
    if _unchanged(headers, found):
        return RangeDecision(304, None)
    wanted = headers.get("Range") if ranges and _in_range(headers.get("If-Range"), found) else None
    if wanted is not None and (span := _span(wanted, found.size)):
        return RangeDecision(206, span)
    return RangeDecision(200, ByteRange(0, found.size))


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _still(headers: Headers, found: ObjectInfo) -> bool:
    if (wanted := headers.get("If-Match")) is not None:
        return wanted.strip() == "*" or found.etag in ETAG.findall(wanted)
    since = _moment(headers.get("If-Unmodified-Since"))
    return since is None or _whole_seconds(found) <= since


def _unchanged(headers: Headers, found: ObjectInfo) -> bool:
    # The tag decides where it is there, the date is for those who know no tags (RFC 9110, 13.1.3).
    if (known := headers.get("If-None-Match")) is not None:
        return known.strip() == "*" or found.etag in [tag.removeprefix("W/") for tag in ETAG.findall(known)]
    since = _moment(headers.get("If-Modified-Since"))
    return since is not None and _whole_seconds(found) <= since


def _in_range(condition: str | None, found: ObjectInfo) -> bool:
    """Return whether If-Range still holds: only a strong ETag or the exact date do."""
    return condition is None or condition.strip() in (found.etag, http_date(found.modified))


def _span(header: str, size: int) -> ByteRange | None:
    """Return the bytes of a Range, or None where the whole is to be sent; raises RangeNotSatisfiable."""
    match = ONE_RANGE.fullmatch(header.strip())
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = size - min(_number(match[2]), size), size
    else:
        start, end = _number(match[1]), min(_number(match[2]) + 1, size) if match[2] else size
        if match[2] and _number(match[2]) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, end - start)


def _number(digits: str) -> int:
    """Return the number, or one larger than any file: Python takes only so many digits."""
    return int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    # A day or a zone of twenty digits is an OverflowError of datetime's.
    except (ValueError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _whole_seconds(found: ObjectInfo) -> datetime:
    # HTTP's dates have no fractions: a file would always be younger than its own date.
    return found.modified.replace(microsecond=0)
