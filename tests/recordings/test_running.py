"""GET /recording?status=active, over every store."""

import json

from flask.testing import FlaskClient
from livekit.protocol import egress

from tests.blueprints.conftest import MakeClient
from tests.recordings.conftest import owner
from tests.recordings.test_ownership import AUTH, A, B
from tests.recordings.twirp import Twirp
from tests.storage.places import LocalPlace, Place


def test_active_list_has_what_runs_and_belongs_to_the_caller(
    place: Place, livekit: Twirp, make_client: MakeClient
) -> None:
    client = make_client(**place.settings, **livekit.settings, **AUTH)
    livekit.rooms["room-b"] = '{"auth_id":"b"}'
    for room, name, headers in (("room-a", "a2", A), ("room-a", "a1", A), ("room-a", "a3", A), ("room-b", "b1", B)):
        assert client.post("/recording", json={"room_name": room, "stream_id": name}, headers=headers).get_json()
    livekit.recordings["EG_3"].status = egress.EGRESS_COMPLETE
    place.record("stored", b"OggS", auth_id="a")
    livekit.recordings["EG_2"].started_at = 1795910400 * 10**9

    page = client.get("/recording?status=active", headers=A).get_json()
    first, second = page["recordings"]
    assert first == {
        "stream_id": "a1", "size_bytes": None, "last_modified": "2026-11-29T00:00:00Z", "room_name": "room-a",
    }  # fmt: skip
    assert (second["stream_id"], second["size_bytes"], page["next_cursor"]) == ("a2", None, None)
    assert second["last_modified"].startswith("20")
    short = client.get("/recording?status=active&limit=1", headers=A).get_json()
    rest = client.get(f"/recording?status=active&limit=1&cursor={short['next_cursor']}", headers=A).get_json()
    assert [line["stream_id"] for line in short["recordings"] + rest["recordings"]] == ["a1", "a2"]
    assert rest["next_cursor"] is None


def test_active_list_leaves_out_recordings_of_other_servers(
    client: FlaskClient, local: LocalPlace, livekit: Twirp
) -> None:
    client.post("/recording", json={"room_name": "open", "stream_id": "call"})
    note = {**(owner(local, "call") or {}), "egress_id": "EG_other"}
    local.put("calls/call/owner.json", json.dumps(note).encode())
    assert client.get("/recording?status=active").get_json() == {"recordings": [], "next_cursor": None}


def test_active_list_needs_livekit_and_a_known_status(local: LocalPlace, make_client: MakeClient) -> None:
    client = make_client(**local.settings)
    assert client.get("/recording?status=active").get_json()["code"] == "LIVEKIT_NOT_CONFIGURED"
    for status in ("", "ended", "ACTIVE"):
        assert client.get(f"/recording?status={status}").status_code == 400
