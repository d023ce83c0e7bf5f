"""GET and HEAD /recording/{stream_id}, the same over every store."""

import random
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from tests.blueprints.conftest import MakeClient
from tests.storage.places import Place

AUDIO = b"OggS" + random.Random(7).randbytes(2_500_000)
SIZE = len(AUDIO)


def test_download_has_all_bytes_and_describing_headers(place: Place, make_client: MakeClient) -> None:
    place.record("support-call-789", AUDIO)
    answer = make_client(**place.settings).get("/recording/support-call-789")
    assert (answer.status_code, answer.data) == (200, AUDIO)
    assert answer.headers["Content-Type"] == "audio/ogg"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="support-call-789.ogg"'
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert parsedate_to_datetime(answer.headers["Last-Modified"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_head_has_the_headers_of_get_without_audio(place: Place, make_client: MakeClient) -> None:
    place.record("call", AUDIO)
    client = make_client(**place.settings)
    got, told = client.get("/recording/call"), client.head("/recording/call")
    same = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition")
    assert {name: told.headers[name] for name in same} == {name: got.headers[name] for name in same}
    assert (told.status_code, told.data) == (200, b"")


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=100-1999", 100, 1999),
        ("Bytes= 100-1999", 100, 1999),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        (f"bytes=-{SIZE + 1}", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=1000000-9999999999999999999999999", 1_000_000, SIZE - 1),
    ],
)
def test_single_range_returns_206(place: Place, make_client: MakeClient, wanted: str, first: int, last: int) -> None:
    place.record("call", AUDIO)
    answer = make_client(**place.settings).get("/recording/call", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (206, AUDIO[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0", "bytes=9" + "9" * 5000 + "-"])
def test_range_behind_the_end_returns_416(place: Place, make_client: MakeClient, wanted: str) -> None:
    place.record("call", AUDIO)
    answer = make_client(**place.settings).get("/recording/call", headers={"Range": wanted})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.get_json()["code"] == "RANGE_NOT_SATISFIABLE"


def test_conditional_headers_decide_the_status(place: Place, make_client: MakeClient) -> None:
    place.record("call", AUDIO)
    client = make_client(**place.settings)
    head = client.head("/recording/call").headers
    etag, date = head["ETag"], head["Last-Modified"]

    unchanged = client.get("/recording/call", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", etag)
    assert client.get("/recording/call", headers={"If-Modified-Since": date}).status_code == 304
    for condition in (etag, date):
        part = client.get("/recording/call", headers={"Range": "bytes=0-9", "If-Range": condition})
        assert (part.status_code, part.data) == (206, AUDIO[:10])
    for condition in ('"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        whole = client.get("/recording/call", headers={"Range": "bytes=0-9", "If-Range": condition})
        assert (whole.status_code, whole.data) == (200, AUDIO)
    assert client.get("/recording/call", headers={"If-Match": '"other"'}).status_code == 412


def test_empty_recording_returns_200_without_bytes(place: Place, make_client: MakeClient) -> None:
    place.record("call", b"")
    client = make_client(**place.settings)
    answer = client.get("/recording/call")
    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", "0")
    assert client.get("/recording/call", headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}])
def test_missing_recording_returns_404_without_names(
    place: Place, make_client: MakeClient, headers: dict[str, str]
) -> None:
    client = make_client(**place.settings)
    answer = client.get("/recording/nothing", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "RECORDING_NOT_FOUND")
    assert "canary" not in answer.text
    assert client.head("/recording/nothing").status_code == 404


def test_last_modified_is_a_valid_http_date(place: Place, make_client: MakeClient) -> None:
    place.record("call", AUDIO)
    told = make_client(**place.settings).head("/recording/call").headers["Last-Modified"]
    assert format_datetime(parsedate_to_datetime(told), usegmt=True) == told
