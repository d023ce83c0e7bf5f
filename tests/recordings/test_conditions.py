"""Ranges and conditions, as RFC 9110 has them."""

from datetime import UTC, datetime

import pytest

from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.recordings.library import RangeDecision, evaluate
from sayna.storage import ByteRange, ObjectInfo

FOUND = ObjectInfo(100, '"e"', datetime(2026, 11, 22, 14, 0, 0, 500, tzinfo=UTC))
DATE, EARLIER, LATER = (f"Sun, 22 Nov 2026 {hour}:00:00 GMT" for hour in (14, 13, 15))
WHOLE = RangeDecision(200, ByteRange(0, 100))
PART = RangeDecision(206, ByteRange(0, 10))
UNCHANGED = RangeDecision(304, None)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, WHOLE),
        ({"Range": "bytes=0-9"}, PART),
        ({"Range": " bytes=0-9 "}, PART),
        ({"Range": "bytes=0-9,20-29"}, WHOLE),
        ({"Range": "bytes=" + "0-," * 1000}, WHOLE),
        ({"Range": "bytes=9-0"}, WHOLE),
        ({"Range": "bytes=-"}, WHOLE),
        ({"Range": "bytes"}, WHOLE),
        ({"Range": ""}, WHOLE),
        ({"Range": "bytes=-" + "9" * 5000}, RangeDecision(206, ByteRange(0, 100))),
        ({"Range": "bytes=0-" + "9" * 5000}, RangeDecision(206, ByteRange(0, 100))),
        ({"Range": "bytes=-10"}, RangeDecision(206, ByteRange(90, 10))),
        ({"Range": "items=0-9"}, WHOLE),
        ({"Range": "bytes=0x0-9"}, WHOLE),
        ({"Range": "bytes=+0-9"}, WHOLE),
        ({"Range": "bytes=\u0660-\u0669"}, WHOLE),
        ({"Range": "bytes=0-9", "If-Range": '"e"'}, PART),
        ({"Range": "bytes=0-9", "If-Range": DATE}, PART),
        ({"Range": "bytes=0-9", "If-Range": 'W/"e"'}, WHOLE),
        ({"Range": "bytes=0-9", "If-Range": LATER}, WHOLE),
        ({"If-None-Match": '"e"'}, UNCHANGED),
        ({"If-None-Match": 'W/"e"'}, UNCHANGED),
        ({"If-None-Match": '"a", "e"'}, UNCHANGED),
        ({"If-None-Match": '"a,b", "e"'}, UNCHANGED),
        ({"If-None-Match": '"a,e"'}, WHOLE),
        ({"If-None-Match": "*"}, UNCHANGED),
        ({"If-None-Match": " * "}, UNCHANGED),
        ({"If-None-Match": ""}, WHOLE),
        ({"If-None-Match": "e"}, WHOLE),
        ({"If-None-Match": '"a"', "If-Modified-Since": LATER}, WHOLE),
        ({"If-None-Match": '"e"', "Range": "bytes=500-"}, UNCHANGED),
        ({"If-Modified-Since": DATE}, UNCHANGED),
        ({"If-Modified-Since": EARLIER}, WHOLE),
        ({"If-Modified-Since": "yesterday"}, WHOLE),
        ({"If-Modified-Since": "Sun, 22 Nov 2026 15:00:00 -0000"}, UNCHANGED),
        ({"If-Modified-Since": "Sun, 22 Nov 2026 15:00:00 +" + "9" * 20}, WHOLE),
        ({"If-Unmodified-Since": "Sun, " + "9" * 20 + " Nov 2026 15:00:00 GMT"}, WHOLE),
        ({"If-Match": '"e"'}, WHOLE),
        ({"If-Match": "*"}, WHOLE),
        ({"If-Unmodified-Since": DATE}, WHOLE),
        ({"If-Unmodified-Since": "never"}, WHOLE),
        ({"If-Match": '"e"', "If-Unmodified-Since": EARLIER}, WHOLE),
    ],
)
def test_headers_decide_status_and_bytes(headers: dict[str, str], verdict: RangeDecision) -> None:
    assert evaluate(headers, FOUND, ranges=True) == verdict


@pytest.mark.parametrize("headers", [{"If-Match": '"a"'}, {"If-Match": 'W/"e"'}, {"If-Unmodified-Since": EARLIER}])
def test_failed_precondition_is_raised(headers: dict[str, str]) -> None:
    with pytest.raises(PreconditionFailed):
        evaluate(headers, FOUND, ranges=True)


@pytest.mark.parametrize(
    "wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", " Bytes = -00 ", "bytes=" + "9" * 5000 + "-"]
)
def test_range_without_bytes_is_not_satisfiable(wanted: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        evaluate({"Range": wanted}, FOUND, ranges=True)


def test_head_ignores_ranges() -> None:
    assert evaluate({"Range": "bytes=500-"}, FOUND, ranges=False) == WHOLE
