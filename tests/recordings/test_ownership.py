"""The callers that may have a recording, over every store."""

import json

import pytest

from tests.blueprints.conftest import MakeClient
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, LocalPlace, Place

AUTH = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps([{"id": "a", "secret": "secret-a"}, {"id": "b", "secret": "secret-b"}]),
}
A, B = {"Authorization": "Bearer secret-a"}, {"Authorization": "Bearer secret-b"}
STRICT = {"RECORDING_STRICT_OWNERSHIP": "true"}


def test_owned_recording_is_served_to_its_owner_only(place: Place, make_client: MakeClient) -> None:
    place.record("call", b"OggS", auth_id="a")
    client = make_client(**place.settings, **AUTH)
    assert client.get("/recording/call", headers=A).data == b"OggS"
    denied = client.get("/recording/call", headers=B)
    missing = client.get("/recording/missing", headers=B)
    assert denied.status_code == missing.status_code == 404
    assert {**denied.get_json(), "request_id": ""} == {**missing.get_json(), "request_id": ""}
    assert set(dict(denied.headers)) == set(dict(missing.headers))
    assert client.head("/recording/call", headers=B).status_code == 404
    assert client.get("/recording/call").status_code == 401


def test_denied_download_makes_the_calls_of_a_missing_one(
    gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient
) -> None:
    place = gcs_place
    place.record("mine", b"OggS", auth_id="a")
    place.put("calls/none/owner.json", b'{"auth_id":"b"}')
    client = make_client(**place.settings, **AUTH)
    client.get("/recording/mine", headers=B)

    def calls(stream_id: str) -> list[str]:
        before = len(gcs.wire.requests)
        client.get(f"/recording/{stream_id}", headers=B)
        return [each.method for each in gcs.wire.requests[before:]]

    assert calls("mine") == calls("none")


@pytest.mark.parametrize("strict", [{}, STRICT])
def test_recording_without_owner_is_denied_only_when_strict(
    place: Place, make_client: MakeClient, strict: dict[str, str]
) -> None:
    place.record("call", b"OggS")
    place.record("started", b"OggS", room_name="r")
    client = make_client(**place.settings, **AUTH, **strict)
    for stream_id in ("call", "started"):
        assert client.get(f"/recording/{stream_id}", headers=A).status_code == (404 if strict else 200)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"auth_id":1}', b'{"auth_id":["a"]}', b"\xff", b"[" * 3000]
)
def test_unreadable_owner_file_denies_every_tenant(local: LocalPlace, make_client: MakeClient, content: bytes) -> None:
    local.record("call", b"OggS")
    local.put("calls/call/owner.json", content)
    assert make_client(**local.settings, **AUTH).get("/recording/call", headers=A).status_code == 404
    assert make_client(**local.settings).get("/recording/call").status_code == 200


def test_oversized_owner_file_returns_503(place: Place, make_client: MakeClient) -> None:
    place.record("call", b"OggS")
    place.put("calls/call/owner.json", b'{"auth_id":"a","x":"' + b"x" * 5000 + b'"}')
    assert make_client(**place.settings, **AUTH).get("/recording/call", headers=A).status_code == 503


def test_every_recording_is_served_when_auth_is_off(place: Place, make_client: MakeClient) -> None:
    place.record("call", b"OggS", auth_id="a")
    assert make_client(**place.settings, **STRICT).get("/recording/call").status_code == 200


HOSTILE = [
    "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fcanary", "..%2fcanary", "%2fetc%2fpasswd", "..%5ccanary",
    "%5c..", "a..b", ".", ".hidden", "%2e", "a%00", "a%00.ogg", "%00", "a%0d%0aX-Inj:%201",
    "a%22;x=%22", "%252e%252e", "a%252fb", "%c0%ae%c0%ae", "%ff", "%e2%80%ae", "a%20b", "%20", "-a",
    "_a", "a" * 129, "a/b", "a//b", "//a", "./a", "a/..", "a/../b", "%ef%bc%8e%ef%bc%8e", "a;b",
    "a%3fb", "caf%c3%a9", "a%2f", "a/",
]  # fmt: skip


@pytest.mark.parametrize("stream_id", HOSTILE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_invalid_stream_id_is_refused_in_every_spelling(
    local: LocalPlace, make_client: MakeClient, stream_id: str, method: str
) -> None:
    local.put("canary/audio.ogg", b"CANARY")
    local.put("audio.ogg", b"CANARY")
    client = make_client(**local.settings, LIVEKIT_API_KEY="k", LIVEKIT_API_SECRET="s" * 32)
    answer = client.open(f"/recording/{stream_id}", method=method)
    assert answer.status_code == 400
    assert b"CANARY" not in answer.data
    assert "X-Inj" not in answer.headers
    if method != "HEAD":
        assert answer.get_json()["code"] == "INVALID_STREAM_ID"


@pytest.mark.parametrize("stream_id", ["a", "9", "a" * 128, "support-call-789", "A.b_c-d", "a.b.c", "owner.json"])
def test_valid_stream_id_is_found(place: Place, make_client: MakeClient, stream_id: str) -> None:
    place.record(stream_id, b"OggS")
    assert make_client(**place.settings).get(f"/recording/{stream_id}").data == b"OggS"


def test_missing_store_returns_its_own_code(make_client: MakeClient) -> None:
    client = make_client(LIVEKIT_API_KEY="k", LIVEKIT_API_SECRET="s" * 32)
    body = {"room_name": "r"}
    for answer in (
        client.get("/recording/a"),
        client.get("/recording"),
        client.post("/recording", json=body),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (503, "RECORDING_STORAGE_NOT_CONFIGURED")
