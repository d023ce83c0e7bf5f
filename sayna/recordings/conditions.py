"""What of a recording answers a request: all of it, a run of its bytes, or nothing (RFC 9110, 13 and 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from sayna.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.recordings.base import Found, Span

CONDITIONAL = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
ETAG = re.compile(r'(?:W/)?"[^"]*"')
MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status to answer with, and the bytes to send; None for an answer without."""

    status: int
    span: Span | None


def judge(headers: Mapping[str, str], found: Found, *, ranges: bool) -> Verdict:
    """Return what to send; without `ranges` the Range is not looked at, as HEAD wants it.

    Raises PreconditionFailed and RangeNotSatisfiable.
    """
    if not _still(headers, found):
        raise PreconditionFailed("the recording is not, or no longer, the one named by the request")
    if _unchanged(headers, found):
        return Verdict(304, None)
    if ranges and "Range" in headers and _in_range(headers.get("If-Range"), found):
        span = _span(headers["Range"], found.size)
        if span:
            return Verdict(206, span)
    return Verdict(200, Span(0, found.size))


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _still(headers: Mapping[str, str], found: Found) -> bool:
    if (wanted := headers.get("If-Match")) is not None:
        return wanted.strip() == "*" or found.etag in ETAG.findall(wanted)
    since = _moment(headers.get("If-Unmodified-Since"))
    return since is None or _whole_seconds(found) <= since


def _unchanged(headers: Mapping[str, str], found: Found) -> bool:
    if (known := headers.get("If-None-Match")) is not None:
        return known.strip() == "*" or found.etag in [tag.removeprefix("W/") for tag in ETAG.findall(known)]
    since = _moment(headers.get("If-Modified-Since"))
    return since is not None and _whole_seconds(found) <= since


def _in_range(condition: str | None, found: Found) -> bool:
    """Return whether If-Range still holds: only a strong ETag or the exact date do."""
    return condition is None or condition.strip() in (found.etag, http_date(found.modified))


def _span(header: str, size: int) -> Span | None:
    """Return the bytes of a Range, or None where the whole is to be sent; raises RangeNotSatisfiable."""
    match = ONE_RANGE.fullmatch(header.strip())
    if not match or match[0].endswith("=-") or not any(match.groups()):
        return None
    first, last = (int(text[:1000].zfill(1)) if text else None for text in match.groups())
    if first is None:
        length = min(last or 0, size)
        first, last = size - length, size - 1
    if last is not None and last < first and match[1]:
        return None
    if first >= size:
        raise RangeNotSatisfiable(size)
    return Span(first, min(size - 1 if last is None else last, size - 1) - first + 1)


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _whole_seconds(found: Found) -> datetime:
    return found.modified.replace(microsecond=0)
