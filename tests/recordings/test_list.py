"""GET /recording, over every store."""

import itertools
import json
import re

import pytest

from sayna.config import load_config
from sayna.errors import InvalidRequest
from sayna.recordings.listing import Cursors, RecordingLister
from sayna.storage import open_store
from sayna.storage.local import LocalStore
from tests.blueprints.conftest import MakeClient
from tests.recordings.test_ownership import AUTH, STRICT, A, B
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, LocalPlace, Place


def pages(client: object, query: str, headers: dict[str, str] | None = None) -> list[list[str]]:
    """Return the stream_ids of all pages, following the cursors."""
    found, cursor = [], ""
    for _ in range(100):
        page = client.get(f"/recording?{query}{cursor}", headers=headers).json  # type: ignore[attr-defined]
        found.append([each["stream_id"] for each in page["recordings"]])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError("the pages do not end")


def flat(found: list[list[str]]) -> list[str]:
    return list(itertools.chain(*found))


def test_list_has_size_date_and_room(place: Place, make_client: MakeClient) -> None:
    place.record("call", b"OggS123", room_name="support")
    place.record("old", b"OggS")
    place.put("calls/unfinished/owner.json", b"{}")
    place.put("calls/other/notes.txt", b"x")
    place.put("elsewhere/call/audio.ogg", b"x")
    page = make_client(**place.settings).get("/recording").get_json()
    call, old = page["recordings"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", call.pop("last_modified"))
    assert call == {"stream_id": "call", "size_bytes": 7, "room_name": "support"}
    assert (old["stream_id"], old["room_name"], page["next_cursor"]) == ("old", None, None)


def test_pages_have_every_recording_once(place: Place, make_client: MakeClient) -> None:
    names = ["a", "a-1", "a.1", "a1", "b", "B", "z_9"]
    for number, name in enumerate(names):
        place.record(name, b"OggS", **({"auth_id": "a"} if number % 2 else {}))
    client = make_client(**place.settings)
    for limit in (1, 2, 3, 7, 1000):
        found = pages(client, f"limit={limit}")
        assert sorted(flat(found)) == sorted(names)
        assert all(len(page) <= limit for page in found)


def test_folder_with_many_files_hides_no_recording(place: Place, make_client: MakeClient) -> None:
    for name in ("a", "b"):
        place.record(name, b"OggS", auth_id="a")
        for number in range(6):
            place.put(f"calls/{name}/EG_{number}.json", b"{}")
            place.put(f"calls/{name}/z{number}", b"{}")
    client = make_client(**place.settings, **AUTH, **STRICT)
    assert flat(pages(client, "limit=1", A)) == ["a", "b"]
    assert flat(pages(client, "limit=1", B)) == []


def test_folder_of_clips_hides_no_recording(gcs: GCS, gcs_place: GCSPlace) -> None:
    store = open_store(load_config({**gcs_place.settings, "RECORDING_PREFIX": ""}).recording)
    assert store is not None
    for number in range(300):
        gcs_place.put(f"clips/deepgram.0123456789abcdef/{number:064x}", b"clip")
    for stream_id in ("before", "later"):
        gcs_place.put(f"{stream_id}/audio.ogg", b"OggS")
    found, after = RecordingLister(store, "", max_listings=3).page(lambda _: True, 2, "")
    assert [each.stream_id for each in found] == ["before", "later"]
    assert after is None


def test_list_has_only_recordings_of_the_caller(place: Place, make_client: MakeClient) -> None:
    for number in range(12):
        place.record(f"call{number:02}", b"OggS", auth_id="ab"[number % 2])
    place.record("nobodys", b"OggS")
    client = make_client(**place.settings, **AUTH)
    mine = [f"call{number:02}" for number in range(0, 12, 2)]
    assert flat(pages(client, "limit=2", A)) == [*mine, "nobodys"]
    assert flat(pages(make_client(**place.settings, **AUTH, **STRICT), "limit=2", A)) == mine


def test_a_page_ends_after_its_last_allowed_listing(local: LocalPlace) -> None:
    for number in range(40):
        local.record(f"theirs{number:02}", b"OggS", auth_id="b")
    local.record("zz", b"OggS", auth_id="a")
    lister = RecordingLister(LocalStore(local.root, "calls"), "calls/", max_listings=2)
    recordings, after = lister.page(lambda owner: owner.auth_id == "a", 1, "")
    assert (recordings, after) != ([], None)
    while after is not None:
        assert recordings == []
        recordings, after = lister.page(lambda owner: owner.auth_id == "a", 1, after)
    assert [each.stream_id for each in recordings] == ["zz"]


def test_a_short_page_names_no_recording_of_others(local: LocalPlace, make_client: MakeClient) -> None:
    for number in range(40):
        local.record(f"theirs{number:02}", b"OggS", auth_id="b")
    local.record("zz", b"OggS", auth_id="a")
    client = make_client(**local.settings, **AUTH)
    assert pages(client, "limit=1", A)[0] == []
    assert flat(pages(client, "limit=1", A)) == ["zz"]
    assert "theirs" not in json.dumps(client.get("/recording?limit=1", headers=A).json)


def test_owner_is_read_again_only_when_it_changed(make_client: MakeClient, gcs: GCS, gcs_place: GCSPlace) -> None:
    place = gcs_place
    for number in range(5):
        place.record(f"call{number}", b"OggS", auth_id="a")
    client = make_client(**place.settings, **AUTH)
    client.get("/recording", headers=A)
    before = len(gcs.wire.requests)
    assert len(client.get("/recording", headers=A).get_json()["recordings"]) == 5
    assert len(gcs.wire.requests) == before + 1
    place.put("calls/call3/owner.json", b'{"auth_id":"b"}')
    assert len(client.get("/recording", headers=A).get_json()["recordings"]) == 4


def test_the_memory_of_owners_has_a_limit(gcs: GCS, gcs_place: GCSPlace) -> None:
    for number in range(5):
        gcs_place.record(f"call{number}", b"OggS", auth_id="a")
    store = open_store(load_config(gcs_place.settings).recording)
    assert store

    def calls(lister: RecordingLister) -> int:
        before = len(gcs.wire.requests)
        assert len(lister.page(lambda owner: owner.auth_id == "a", 10, "")[0]) == 5
        return len(gcs.wire.requests) - before

    small, large = (RecordingLister(store, "calls/", max_known_owners=limit) for limit in (2, 5))
    calls(small), calls(large)
    assert calls(small) > calls(large) == 1


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={text}" for text in ("0", "-1", "1001", "x", "", "1.5", "%D9%A1", "9" * 5000)),
        *(f"cursor={text}" for text in ("x", "Li4v", "%00", "%C3%A9", "A" * 6000)),
    ],
)
def test_invalid_query_returns_400(local: LocalPlace, make_client: MakeClient, query: str) -> None:
    answer = make_client(**local.settings).get(f"/recording?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")


def test_cursor_hides_its_key_and_cannot_be_forged() -> None:
    cursors = Cursors(b"secret")
    sealed = cursors.seal("calls/somebody-elses/audio.ogg")
    assert "somebody" not in sealed
    assert cursors.open(sealed) == "calls/somebody-elses/audio.ogg"
    with pytest.raises(InvalidRequest):
        Cursors(b"another").open(sealed)
