"""DELETE /recording/{stream_id}?purge=true, and RECORDING_RETENTION_DAYS."""

import os
import threading
import time
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from livekit.protocol import egress

from tests.blueprints.conftest import MakeClient
from tests.e2e.program import until
from tests.recordings.conftest import owner
from tests.recordings.test_ownership import AUTH, STRICT, A, B
from tests.recordings.twirp import Twirp
from tests.storage.places import LocalPlace, Place

PURGE = "/recording/call?purge=true"
CALL = {"room_name": "open", "stream_id": "call"}
OLD = "2026-01-01T00:00:00+00:00"
OVER = {"room_name": "open", "egress_id": "EG_1", "started_at": OLD, "outcome": "complete"}
DAY = 86_400


def test_purge_removes_audio_manifest_and_owner(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    client = make_client(**place.settings, **livekit.settings)
    client.post("/recording", json=CALL)
    livekit.recordings["EG_1"].status = egress.EGRESS_COMPLETE
    place.put("calls/call/audio.ogg", b"OggS")
    place.put("calls/call/EG_1.json", b"{}")
    place.put("calls/other/audio.ogg", b"OggS")

    purged = client.delete(PURGE)
    assert (purged.status_code, purged.get_json()) == (200, {"status": "purged", "stream_id": "call"})
    assert [place.get(f"calls/call/{name}") for name in ("audio.ogg", "EG_1.json", "owner.json")] == [None] * 3
    assert place.get("calls/other/audio.ogg") == b"OggS"
    for answer in (client.delete(PURGE), client.get("/recording/call"), client.delete("/recording/call")):
        assert (answer.status_code, answer.get_json()["code"]) == (404, "RECORDING_NOT_FOUND")
    assert client.post("/recording", json=CALL).status_code == 201


@pytest.mark.parametrize("status", [egress.EGRESS_STARTING, egress.EGRESS_ACTIVE, egress.EGRESS_ENDING])
def test_purge_of_a_running_recording_returns_409(
    client: FlaskClient, local: LocalPlace, livekit: Twirp, status: "egress.EgressStatus"
) -> None:
    client.post("/recording", json=CALL)
    livekit.recordings["EG_1"].status = status
    local.put("calls/call/audio.ogg", b"OggS")
    refused = client.delete(PURGE)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "RECORDING_ACTIVE")
    assert local.get("calls/call/audio.ogg") == b"OggS"


def test_purge_of_a_claim_that_is_being_started_returns_409(client: FlaskClient, local: LocalPlace) -> None:
    local.record("call", b"OggS", room_name="open", started_at=datetime.now(UTC).isoformat())
    assert client.delete(PURGE).get_json()["code"] == "RECORDING_ACTIVE"


def test_only_the_owner_may_purge(guarded: FlaskClient, local: LocalPlace) -> None:
    local.record("call", b"OggS", auth_id="a", **OVER)
    assert guarded.delete(PURGE).status_code == 401
    assert guarded.delete(PURGE, headers=B).get_json()["code"] == "RECORDING_NOT_FOUND"
    assert guarded.delete(PURGE, headers=A).status_code == 200
    assert not (local.root / "calls/call").exists()


@pytest.mark.parametrize("strict", [{}, STRICT])
@pytest.mark.parametrize("note", [{}, OVER])
def test_no_tenant_may_purge_a_recording_without_owner(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient, strict: dict[str, str], note: dict[str, str]
) -> None:
    local.record("call", b"OggS", **note)
    client = make_client(**local.settings, **livekit.settings, **AUTH, **strict)
    assert client.delete(PURGE, headers=A).get_json()["code"] == "RECORDING_NOT_FOUND"
    assert make_client(**local.settings, **livekit.settings).delete(PURGE).status_code == 200
    assert local.get("calls/call/audio.ogg") is None


@pytest.mark.parametrize("value", ["false", "1", "", "TRUE", "yes"])
def test_another_value_of_purge_returns_400(client: FlaskClient, local: LocalPlace, value: str) -> None:
    local.record("call", b"OggS", **OVER)
    answer = client.delete(f"/recording/call?purge={value}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")
    assert local.get("calls/call/audio.ogg") == b"OggS"


def test_purge_without_livekit_needs_a_noted_end(local: LocalPlace, make_client: MakeClient) -> None:
    client = make_client(**local.settings)
    local.record("call", b"OggS", room_name="open", egress_id="EG_1", started_at=OLD)
    assert client.delete(PURGE).get_json()["code"] == "LIVEKIT_NOT_CONFIGURED"
    local.record("call", b"OggS", **OVER)
    assert client.delete(PURGE).status_code == 200


def test_purge_that_livekit_does_not_answer_removes_nothing(
    client: FlaskClient, local: LocalPlace, livekit: Twirp
) -> None:
    local.record("call", b"OggS", room_name="open", egress_id="EG_1", started_at=OLD)
    livekit.refusals["ListEgress"] = (503, "unavailable")
    assert client.delete(PURGE).status_code == 503
    assert local.get("calls/call/audio.ogg") == b"OggS"


def test_concurrent_purges_remove_one_recording(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    place.record("call", b"OggS", **OVER)
    clients = [make_client(**place.settings, **livekit.settings) for _ in range(4)]
    barrier, statuses = threading.Barrier(4), []

    def purge(client: FlaskClient) -> None:
        barrier.wait()
        statuses.append(client.delete(PURGE).status_code)

    threads = [threading.Thread(target=purge, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) >= 1
    assert set(statuses) <= {200, 404, 503}
    assert place.get("calls/call/owner.json") is None


def aged(local: LocalPlace, stream_id: str, days: float, **note: str) -> None:
    """Store a recording whose files are this old."""
    local.record(stream_id, b"OggS", **note)
    then = time.time() - days * DAY
    for file in (local.root / "calls" / stream_id).iterdir():
        os.utime(file, (then, then))


def test_retention_removes_only_what_is_owned_over_and_old(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient
) -> None:
    running = {"room_name": "open", "egress_id": "EG_1", "started_at": OLD}
    aged(local, "old", 8, auth_id="a", **OVER)
    aged(local, "forgotten", 8, **{**running, "egress_id": "EG_9"})
    aged(local, "young", 6, auth_id="a", **OVER)
    aged(local, "foreign", 8)
    aged(local, "runs", 8, **running)
    aged(local, "damaged", 8, room_name="open")
    local.put("calls/damaged/owner.json", b"{")
    os.utime(local.root / "calls/damaged/audio.ogg", (0, 0))
    client = make_client(**local.settings, **livekit.settings)
    client.post("/recording", json={"room_name": "open", "stream_id": "first"})
    services = client.application.extensions["sayna"]

    assert services.remover.sweep(7, threading.Event()) == 2
    left = {path.name for path in (local.root / "calls").iterdir()}
    assert left == {"young", "foreign", "runs", "damaged", "first"}


def test_retention_goes_on_after_a_recording_that_fails(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient
) -> None:
    aged(local, "a", 8, room_name="open", egress_id="EG_9", started_at=OLD)
    aged(local, "b", 8, **OVER)
    livekit.refusals["ListEgress"] = (503, "unavailable")
    services = make_client(**local.settings, **livekit.settings).application.extensions["sayna"]
    assert services.remover.sweep(7, threading.Event()) == 1
    assert (local.get("calls/a/audio.ogg"), local.get("calls/b/audio.ogg")) == (b"OggS", None)


def test_retention_reads_every_page_of_the_store(place: Place, livekit: Twirp, make_client: MakeClient) -> None:
    for number in range(3):
        place.record(f"call{number}", b"OggS", **OVER)
    services = make_client(**place.settings, **livekit.settings).application.extensions["sayna"]
    names = [name for name, files in services.recordings.folders() if set(files) == {"audio.ogg", "owner.json"}]
    assert names == ["call0", "call1", "call2"]


def test_one_worker_sweeps_when_the_setting_is_there(
    local: LocalPlace, livekit: Twirp, make_client: MakeClient
) -> None:
    aged(local, "old", 8, **OVER)
    settings = {**local.settings, **livekit.settings}
    off = make_client(**settings).application.extensions["sayna"]
    assert off.threads == ()
    first, second = (
        make_client(**settings, RECORDING_RETENTION_DAYS="7").application.extensions["sayna"] for _ in range(2)
    )
    first.start()
    until(lambda: owner(local, "old") is None, 60, "the leader has swept")
    aged(local, "later", 8, **OVER)
    second.start()
    first.close()
    until(lambda: owner(local, "later") is None, 60, "the next leader has swept")
