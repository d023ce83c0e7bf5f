"""POST /recording and DELETE /recording/{stream_id}, against LiveKit's wire."""

import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from livekit import api

from sayna.recordings.recorder import Recorder
from tests.blueprints.conftest import MakeClient
from tests.recordings.conftest import owner
from tests.recordings.test_ownership import A, B
from tests.recordings.twirp import Twirp
from tests.recordings.wire import Reply
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, LocalPlace, Place, S3Place


def use_recorder(client: FlaskClient, **options: Any) -> None:
    """Give the application a recorder with these options."""
    services = client.application.extensions["sayna"]
    recorder = Recorder(services.recordings, services.livekit.egress, services.config.recording, **options)
    client.application.extensions["sayna"] = replace(services, recorder=recorder)


def test_recording_starts_and_stops(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    client = make_client(**place.settings, **livekit.settings)
    started = client.post("/recording", json={"room_name": "open", "stream_id": "call"})
    told = {"stream_id": "call", "room_name": "open", "egress_id": "EG_1"}
    assert (started.status_code, started.json) == (201, {"status": "recording", **told})
    stopped = client.delete("/recording/call")
    assert (stopped.status_code, stopped.json) == (200, {"status": "stopped", **told})
    assert client.delete("/recording/call").json == stopped.json
    assert set(owner(place, "call") or ()) == {"room_name", "egress_id", "started_at", "stopped_at"}


def test_egress_writes_audio_only_ogg_to_the_key(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    client = make_client(**place.settings, **livekit.settings)
    client.post("/recording", json={"room_name": "open", "stream_id": "call"})
    (request,) = livekit.started
    (file,) = request.file_outputs
    assert (request.room_name, request.audio_only, file.file_type) == ("open", True, api.EncodedFileType.OGG)
    assert file.filepath.endswith("calls/call/audio.ogg")
    if isinstance(place, LocalPlace):
        assert file.filepath == str(place.root / "calls/call/audio.ogg")
    if isinstance(place, S3Place):
        assert (file.s3.bucket, file.s3.access_key, file.s3.force_path_style) == (
            place.bucket,
            "canary-access",
            True,
        )
        assert (file.s3.secret, file.s3.region) == ("canary-secret-0123456789", "us-east-1")
        assert file.s3.endpoint == place.settings["RECORDING_S3_ENDPOINT"]
    if isinstance(place, GCSPlace):
        assert (file.gcp.bucket, file.gcp.credentials) == (place.gcs.bucket, place.gcs.account())


def test_stream_id_is_random_when_the_client_sends_none(client: FlaskClient) -> None:
    names = {client.post("/recording", json={"room_name": "open"}).get_json()["stream_id"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_repeated_start_returns_the_same_recording(client: FlaskClient, livekit: Twirp) -> None:
    body = {"room_name": "open", "stream_id": "call"}
    answers = [client.post("/recording", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.get_json()["egress_id"] for answer in answers}) == len(livekit.started) == 1


def started_at_once(clients: list[FlaskClient]) -> list[object]:
    """Return the answers of six clients that start the same recording at once."""
    barrier, answers = threading.Barrier(6), []

    def start(number: int) -> None:
        barrier.wait()
        body = {"room_name": "open", "stream_id": "call"}
        answers.append(clients[number % len(clients)].post("/recording", json=body).json)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_concurrent_starts_begin_one_recording(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    clients = [make_client(**place.settings, **livekit.settings) for _ in range(3)]
    answers = started_at_once(clients)
    assert len(livekit.started) == 1
    assert answers == [answers[0]] * 6


def test_concurrent_takeovers_begin_one_recording(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    claim = {"room_name": "open", "started_at": "2026-01-01T00:00:00+00:00"}
    place.put("calls/call/owner.json", json.dumps(claim).encode())
    livekit.lists = False
    clients = [make_client(**place.settings, **livekit.settings) for _ in range(3)]

    assert all(
        answer == {"status": "recording", "stream_id": "call", "room_name": "open", "egress_id": "EG_1"}
        for answer in started_at_once(clients)
    )
    assert len(livekit.started) == 1


def test_recording_belongs_to_the_tenant_that_started_it(
    guarded: FlaskClient, local: LocalPlace, livekit: Twirp
) -> None:
    livekit.rooms["room-b"] = '{"auth_id":"b"}'
    body = {"room_name": "room-a", "stream_id": "call"}
    assert guarded.post("/recording", json=body, headers=B).get_json()["code"] == "ROOM_NOT_FOUND"
    assert owner(local, "call") is None
    assert guarded.post("/recording", json=body, headers=A).status_code == 201
    assert (owner(local, "call") or {})["auth_id"] == "a"
    local.put("calls/call/audio.ogg", b"OggS")
    theirs = {"room_name": "room-b", "stream_id": "call"}
    for answer in (
        guarded.post("/recording", json=theirs, headers=B),
        guarded.delete("/recording/call", headers=B),
        guarded.get("/recording/call", headers=B),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (404, "RECORDING_NOT_FOUND")
    assert guarded.get("/recording/call", headers=A).data == b"OggS"
    assert guarded.delete("/recording/call", headers=A).status_code == 200


@pytest.mark.parametrize("room", ["none", "open", "room-b"])
def test_room_of_another_tenant_returns_404(guarded: FlaskClient, livekit: Twirp, room: str) -> None:
    livekit.rooms["room-b"] = '{"auth_id":"b"}'
    answer = guarded.post("/recording", json={"room_name": room}, headers=A)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "ROOM_NOT_FOUND")
    assert livekit.started == []


def test_existing_recording_is_not_overwritten(client: FlaskClient, local: LocalPlace, livekit: Twirp) -> None:
    local.record("old", b"OggS")
    client.post("/recording", json={"room_name": "open", "stream_id": "over"})
    client.delete("/recording/over")
    client.post("/recording", json={"room_name": "open", "stream_id": "running"})
    livekit.rooms["other"] = ""
    for room, stream_id in (("open", "old"), ("open", "over"), ("other", "running")):
        answer = client.post("/recording", json={"room_name": room, "stream_id": stream_id})
        assert (answer.status_code, answer.get_json()["code"]) == (409, "RECORDING_EXISTS")


@pytest.mark.parametrize(
    ("refusal", "answered"),
    [
        ((500, "internal"), (500, "RECORDING_FAILED")),
        ((503, "unavailable"), (503, "EGRESS_UNAVAILABLE")),
        ((429, "resource_exhausted"), (503, "EGRESS_UNAVAILABLE")),
        ((404, "not_found"), (404, "ROOM_NOT_FOUND")),
        ((412, "failed_precondition"), (500, "RECORDING_FAILED")),
        ((401, "unauthenticated"), (503, "EGRESS_UNAVAILABLE")),
    ],
)
def test_refused_start_has_its_code_and_frees_the_name(
    client: FlaskClient,
    local: LocalPlace,
    livekit: Twirp,
    refusal: tuple[int, str],
    answered: tuple[int, str],
) -> None:
    livekit.refusals["StartRoomCompositeEgress"] = refusal
    body = {"room_name": "open", "stream_id": "call"}
    answer = client.post("/recording", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == answered
    assert "canary" not in answer.text
    if refusal[0] != 401:
        assert owner(local, "call") is None
        livekit.refusals.clear()
        assert client.post("/recording", json=body).status_code == 201


def test_start_without_answer_is_found_by_the_next_start(client: FlaskClient, livekit: Twirp) -> None:
    use_recorder(client, stale_seconds=0.2)
    livekit.forgets_to_answer = True
    body = {"room_name": "open", "stream_id": "call"}
    assert client.post("/recording", json=body).get_json()["code"] == "EGRESS_UNAVAILABLE"
    livekit.forgets_to_answer = False
    assert client.post("/recording", json=body).get_json()["egress_id"] == "EG_1"
    assert len(livekit.started) == 1
    assert client.delete("/recording/call").status_code == 200


@pytest.mark.timeout(20)
def test_unreadable_claim_returns_503(client: FlaskClient, local: LocalPlace) -> None:
    use_recorder(client, stale_seconds=0.2)
    (local.root / "calls" / "call" / "owner.json").mkdir(parents=True)
    answer = client.post("/recording", json={"room_name": "open", "stream_id": "call"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")


def test_late_failure_keeps_the_claim_of_another_worker(
    place: Place, livekit: Twirp, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {"room_name": "open", "egress_id": "EG_9", "started_at": "2026-01-01T00:00:00+00:00"}

    def late(body: bytes) -> Reply:
        place.put("calls/call/owner.json", json.dumps(theirs).encode())
        return Reply(503, b'{"code":"unavailable"}', {"Content-Type": "application/json"})

    monkeypatch.setattr(livekit, "_list", late)
    client = make_client(**place.settings, **livekit.settings)
    assert client.post("/recording", json={"room_name": "open", "stream_id": "call"}).status_code == 503
    assert owner(place, "call") == theirs


@pytest.mark.parametrize("started_at", ["2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00", "soon"])
def test_stale_claim_is_taken_over(client: FlaskClient, local: LocalPlace, livekit: Twirp, started_at: str) -> None:
    claim = {"room_name": "open", "started_at": started_at}
    local.put("calls/call/owner.json", json.dumps(claim).encode())
    assert client.delete("/recording/call").status_code == 404
    assert client.post("/recording", json={"room_name": "open", "stream_id": "call"}).get_json()["egress_id"] == "EG_1"


def test_waiting_start_claims_a_name_that_becomes_free(client: FlaskClient, local: LocalPlace, livekit: Twirp) -> None:
    claim = {"room_name": "open", "started_at": datetime.now(UTC).isoformat()}
    local.put("calls/call/owner.json", json.dumps(claim).encode())
    file = local.root / "calls/call/owner.json"
    pauses = iter([lambda: None, file.unlink])
    use_recorder(client, sleep=lambda _: next(pauses)())
    assert client.post("/recording", json={"room_name": "open", "stream_id": "call"}).get_json()["egress_id"] == "EG_1"


def test_stop_that_livekit_refuses_returns_503(client: FlaskClient, livekit: Twirp) -> None:
    client.post("/recording", json={"room_name": "open", "stream_id": "call"})
    livekit.refusals["StopEgress"] = (503, "unavailable")
    assert client.delete("/recording/call").get_json()["code"] == "EGRESS_UNAVAILABLE"
    assert client.delete("/recording/none").get_json()["code"] == "RECORDING_NOT_FOUND"


def test_list_that_livekit_refuses_returns_503(client: FlaskClient, local: LocalPlace, livekit: Twirp) -> None:
    local.put("calls/call/owner.json", b'{"room_name":"open"}')
    livekit.refusals["ListEgress"] = (503, "unavailable")
    assert client.delete("/recording/call").get_json()["code"] == "EGRESS_UNAVAILABLE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_REQUEST"),
        ({"room_name": " "}, "INVALID_REQUEST"),
        ({"room_name": "a\nb"}, "INVALID_REQUEST"),
        ({"room_name": "r" * 129}, "INVALID_REQUEST"),
        ({"room_name": 1}, "INVALID_REQUEST"),
        ({"room_name": "open", "stream_id": 1}, "INVALID_REQUEST"),
        ({"room_name": "open", "stream_id": "../x"}, "INVALID_STREAM_ID"),
        ({"room_name": "open", "stream_id": ""}, "INVALID_STREAM_ID"),
    ],
)
def test_invalid_body_returns_400_before_livekit_is_called(
    client: FlaskClient, livekit: Twirp, body: object, code: str
) -> None:
    answer = client.post("/recording", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert livekit.wire.requests == []


def test_missing_livekit_returns_its_own_code(local: LocalPlace, make_client: MakeClient) -> None:
    client = make_client(**local.settings)
    assert client.post("/recording", json={"room_name": "open"}).get_json()["code"] == "LIVEKIT_NOT_CONFIGURED"
    assert client.delete("/recording/call").get_json()["code"] == "LIVEKIT_NOT_CONFIGURED"


def test_account_file_is_sent_to_the_egress_as_content(
    gcs: GCS, gcs_place: GCSPlace, livekit: Twirp, make_client: MakeClient, local: LocalPlace
) -> None:
    path = local.root / "account.json"
    path.write_text(gcs.account())
    settings = {**gcs_place.settings, "RECORDING_GCS_CREDENTIALS_PATH": str(path)}
    del settings["RECORDING_GCS_CREDENTIALS_JSON"]
    make_client(**settings, **livekit.settings).post("/recording", json={"room_name": "open"})
    assert livekit.started[0].file_outputs[0].gcp.credentials == gcs.account()
