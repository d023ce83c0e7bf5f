"""Two machines of one server: a folder each, one SAYNA_SECRET."""

from pathlib import Path

from sayna.config import load_config
from sayna.services import build
from sayna.speech.plan import SpeakRequest
from tests.blueprints.conftest import MakeClient
from tests.storage.places import LocalPlace

SECRET = "s3cret-of-all-machines-0123456789ab"


def test_next_page_comes_from_the_other_machine(local: LocalPlace, make_client: MakeClient, tmp_path: Path) -> None:
    for name in ("a", "b"):
        local.record(name, b"OggS")
    machines = [
        make_client(**local.settings, CACHE_PATH=str(tmp_path / name), SAYNA_SECRET=SECRET) for name in ("one", "two")
    ]
    page = machines[0].get("/recording?limit=1").get_json()
    answer = machines[1].get(f"/recording?limit=1&cursor={page['next_cursor']}")
    assert answer.status_code == 200
    assert answer.get_json()["recordings"][0]["stream_id"] == "b"


def test_clip_url_plays_on_the_other_machine(make_client: MakeClient, tmp_path: Path) -> None:
    one, two = (make_client(CACHE_PATH=str(tmp_path / name), SAYNA_SECRET=SECRET) for name in ("one", "two"))
    path = one.post("/clips", json={"text": "Hi"}).get_json()["path"]
    assert two.get(path).status_code == 200


def test_own_credentials_have_one_cache_key(tmp_path: Path) -> None:
    request = SpeakRequest("Hi", provider="deepgram", auth={"api_key": "mine"})
    keys = []
    for name in ("one", "two"):
        config = load_config({"CACHE_PATH": str(tmp_path / name), "SAYNA_SECRET": SECRET})
        services = build(config)
        keys.append(services.planner.plan(request).key)
        services.close()
    assert keys[0] == keys[1]
