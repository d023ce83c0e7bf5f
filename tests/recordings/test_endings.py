"""Recordings that end by themselves: what POST, DELETE, the list and LiveKit's events say of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from livekit.protocol import egress
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.blueprints.telephones import save
from tests.livekit.events import encoded, signed
from tests.recordings.conftest import owner
from tests.recordings.twirp import Twirp
from tests.recordings.wire import Reply
from tests.sip.inbound import SETTINGS, Target, hook, verified
from tests.storage.places import LocalPlace, Place

OLD = "2026-01-01T00:00:00+00:00"
CALL = {"room_name": "open", "stream_id": "call"}
ENDS = [
    (egress.EGRESS_COMPLETE, "complete"),
    (egress.EGRESS_LIMIT_REACHED, "complete"),
    (egress.EGRESS_FAILED, "failed"),
    (egress.EGRESS_ABORTED, "failed"),
]


def start(client: FlaskClient) -> TestResponse:
    return client.post("/recording", json=CALL)


def put_note(place: Place, **more: str) -> None:
    """Store the note of a recording that was started long ago."""
    note = {"room_name": "open", "egress_id": "EG_9", "started_at": OLD, **more}
    place.put("calls/call/owner.json", json.dumps(note).encode())


def ended_event(status: str | int, *, egress_id: str = "EG_1", path: str, event: str = "egress_ended") -> bytes:
    """Return an event as livekit-server 1.13.5 sends it."""
    info: dict[str, Any] = {
        "egressId": egress_id,
        "roomName": "open",
        "status": status,
        "endedAt": "1795910400000000000",
        "error": "canary: open /out: permission denied",
        "roomComposite": {"roomName": "open", "audioOnly": True, "fileOutputs": [{"filepath": path}]},
    }
    return encoded({"id": f"EV_{status}_{event}", "event": event, "createdAt": "1795910400", "egressInfo": info})


def send(client: FlaskClient, body: bytes) -> int:
    answer = client.post("/livekit/webhook", data=body, headers={"Authorization": signed(body)})
    return answer.status_code


@pytest.mark.parametrize(("status", "outcome"), ENDS)
def test_recording_that_ended_by_itself_is_over(
    place: Place, livekit: Twirp, make_client: MakeClient, status: "egress.EgressStatus", outcome: str
) -> None:
    client = make_client(**place.settings, **livekit.settings)
    start(client)
    livekit.recordings["EG_1"].status = status

    again = start(client)
    assert (again.status_code, again.get_json()["code"]) == (409, "RECORDING_EXISTS")
    stopped = client.delete("/recording/call")
    assert (stopped.status_code, stopped.get_json()) == (
        200,
        {"status": "stopped", "stream_id": "call", "room_name": "open", "egress_id": "EG_1", "outcome": outcome},
    )
    assert (owner(place, "call") or {})["outcome"] == outcome
    assert len(livekit.started) == 1


@pytest.mark.parametrize(("status", "outcome"), ENDS)
def test_stop_of_an_ended_recording_tells_its_outcome(
    client: FlaskClient, livekit: Twirp, status: "egress.EgressStatus", outcome: str
) -> None:
    start(client)
    livekit.recordings["EG_1"].status = status

    stopped = client.delete("/recording/call")
    assert (stopped.status_code, stopped.get_json()["outcome"]) == (200, outcome)


@pytest.mark.parametrize(("audio", "outcome"), [(b"OggS", "complete"), (None, "failed")])
def test_recording_that_livekit_forgot_is_judged_by_its_audio(
    place: Place, livekit: Twirp, make_client: MakeClient, audio: bytes | None, outcome: str
) -> None:
    put_note(place)
    if audio:
        place.put("calls/call/audio.ogg", audio)
    client = make_client(**place.settings, **livekit.settings)

    assert start(client).get_json()["code"] == "RECORDING_EXISTS"
    stopped = client.delete("/recording/call")
    assert (stopped.status_code, stopped.get_json()["status"], stopped.get_json()["outcome"]) == (
        200,
        "stopped",
        outcome,
    )
    assert livekit.started == []


def test_recording_that_livekit_forgets_at_once_is_over(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    client = make_client(**place.settings, **livekit.settings)
    start(client)
    livekit.recordings.clear()

    again, stopped = start(client), client.delete("/recording/call")
    assert (again.status_code, again.get_json()["code"]) == (409, "RECORDING_EXISTS")
    assert (stopped.status_code, stopped.get_json()["outcome"]) == (200, "failed")
    assert len(livekit.started) == 1


def test_stop_of_a_recording_that_livekit_forgot_at_once_is_200(client: FlaskClient, livekit: Twirp) -> None:
    start(client)
    livekit.recordings.clear()

    stopped = client.delete("/recording/call")
    assert (stopped.status_code, stopped.get_json()["status"], stopped.get_json()["outcome"]) == (
        200,
        "stopped",
        "failed",
    )
    assert client.delete("/recording/call?purge=true").get_json() == {"status": "purged", "stream_id": "call"}


def test_recording_that_livekit_stores_late_still_runs(
    client: FlaskClient, livekit: Twirp, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(client)
    known = livekit.recordings
    # The first question after each request comes before LiveKit has stored the egress.
    late = iter([{}, known, {}, {}, known, known])
    real = livekit._list
    stop = livekit._stop

    def asked(answer: Callable[[bytes], Reply]) -> Callable[[bytes], Reply]:
        def respond(body: bytes) -> Reply:
            livekit.recordings = next(late)
            return answer(body)

        return respond

    monkeypatch.setattr(livekit, "_list", asked(real))
    monkeypatch.setattr(livekit, "_stop", asked(stop))
    assert start(client).status_code == 201
    refused = client.delete("/recording/call")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "EGRESS_UNAVAILABLE")
    assert client.delete("/recording/call").status_code == 200
    assert known["EG_1"].status == egress.EGRESS_ENDING


def test_recording_that_is_being_stopped_is_not_announced(client: FlaskClient, livekit: Twirp) -> None:
    start(client)
    livekit.recordings["EG_1"].status = egress.EGRESS_ENDING
    assert start(client).get_json()["code"] == "RECORDING_EXISTS"
    assert client.get("/recording?status=active").get_json()["recordings"] == []


def test_outcome_appears_once_the_stopped_recording_is_over(
    client: FlaskClient, local: LocalPlace, livekit: Twirp
) -> None:
    start(client)
    assert "outcome" not in client.delete("/recording/call").get_json()
    livekit.refusals["ListEgress"] = (503, "unavailable")
    assert client.delete("/recording/call").status_code == 200
    livekit.refusals.clear()
    livekit.recordings["EG_1"].status = egress.EGRESS_COMPLETE
    assert client.delete("/recording/call").get_json()["outcome"] == "complete"
    requests = len(livekit.wire.requests)
    assert client.delete("/recording/call").get_json()["outcome"] == "complete"
    assert len(livekit.wire.requests) == requests
    assert {"stopped_at", "ended_at"} <= set(owner(local, "call") or ())


def test_repeated_start_needs_the_answer_of_livekit(client: FlaskClient, livekit: Twirp) -> None:
    start(client)
    livekit.refusals["ListEgress"] = (503, "unavailable")
    assert start(client).status_code == 503


def test_claim_with_audio_is_never_recorded_again(client: FlaskClient, local: LocalPlace, livekit: Twirp) -> None:
    local.record("call", b"OggS", room_name="open", started_at=OLD)
    assert start(client).get_json()["code"] == "RECORDING_EXISTS"
    assert client.delete("/recording/call").get_json()["outcome"] == "complete"
    assert (livekit.started, local.get("calls/call/audio.ogg")) == ([], b"OggS")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("EGRESS_COMPLETE", "complete"), (3, "complete"), ("EGRESS_FAILED", "failed"), ("EGRESS_ABORTED", "failed")],
)
def test_event_of_the_end_is_noted(
    place: Place,
    livekit: Twirp,
    make_client: MakeClient,
    status: str | int,
    outcome: str,
) -> None:
    client = make_client(**place.settings, **livekit.settings)
    start(client)
    [file] = livekit.started[0].file_outputs

    assert send(client, ended_event(status, path=file.filepath)) == 200
    note = owner(place, "call") or {}
    assert (note["outcome"], note["ended_at"]) == (outcome, "2026-11-29T00:00:00+00:00")
    requests = len(livekit.wire.requests)
    assert client.delete("/recording/call").get_json()["outcome"] == outcome
    assert len(livekit.wire.requests) == requests


def test_reason_of_a_failed_egress_is_in_the_log_only(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client = make_client(**local.settings, **livekit.settings)
    start(client)
    livekit.recordings["EG_1"].status = egress.EGRESS_FAILED
    livekit.recordings["EG_1"].error = "open /out/canary: permission denied"
    assert "canary" not in client.delete("/recording/call").text
    assert "open /out/canary: permission denied" in capfd.readouterr().err


@pytest.mark.parametrize(
    "other",
    [
        {"egress_id": "EG_2"},
        {"event": "egress_updated"},
        {"path": "elsewhere/call/audio.ogg"},
        {"path": "calls/call/video.mp4"},
        {"path": ""},
        {"status": "EGRESS_ENDING"},
        {"status": "EGRESS_NEW_STATE"},
        {"status": 99},
    ],
)
def test_event_of_another_egress_changes_nothing(
    client: FlaskClient, local: LocalPlace, livekit: Twirp, other: dict[str, Any]
) -> None:
    start(client)
    [file] = livekit.started[0].file_outputs
    event = {"status": "EGRESS_COMPLETE", "path": file.filepath, **other}
    assert send(client, ended_event(event.pop("status"), **event)) == 200
    assert "outcome" not in (owner(local, "call") or {})


@pytest.mark.parametrize(
    "info", [{"egressId": 1}, {"egressId": "EG_1", "status": []}, {"egressId": "EG_1", "roomComposite": ["x"]}]
    + [{"egressId": "EG_1", "roomComposite": {"fileOutputs": outputs}} for outputs in ({"a": 1}, [1], "x")],
)  # fmt: skip
def test_malformed_egress_of_an_event_returns_400(client: FlaskClient, info: dict[str, Any]) -> None:
    assert send(client, encoded({"id": "EV", "event": "egress_ended", "egressInfo": info})) == 400


def test_event_is_sent_again_when_the_store_is_away(client: FlaskClient, local: LocalPlace, livekit: Twirp) -> None:
    start(client)
    [file] = livekit.started[0].file_outputs
    (local.root / "calls").rename(local.root / "away")
    event = ended_event("EGRESS_COMPLETE", path=file.filepath)
    assert send(client, event) == 503
    (local.root / "away").rename(local.root / "calls")
    assert send(client, event) == 200
    assert (owner(local, "call") or {})["outcome"] == "complete"


def test_end_reaches_the_hook_that_asks_for_it(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    with Target() as target:
        client = make_client(**place.settings, **livekit.settings, **SETTINGS)
        quiet = hook(target, "b.example.com", path="/quiet")
        save(client, {**hook(target), "events": ["recording_ended"]}, quiet)
        start(client)
        path = livekit.started[0].file_outputs[0].filepath
        assert send(client, ended_event("EGRESS_COMPLETE", egress_id="EG_7", path=path)) == 200
        assert send(client, ended_event("EGRESS_FAILED", path=path)) == 200
        [hit] = target.received(1)
        body = hit.json()
        assert verified(hit).room.name == "open"
        told = (body["event"], body["stream_id"], body["egress_id"], body["outcome"])
        assert told == ("recording_ended", "call", "EG_1", "failed")
        assert "canary" not in hit.body.decode()
        assert hit.path == "/hook"
