"""POST /speak and its cache: what a request may ask of it, and which take an answer is."""

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sayna.providers.espeak import Espeak
from sayna.services import Services
from sayna.speech.cache import AudioCache, Clip
from sayna.speech.plan import Planner, SpeakRequest
from tests.blueprints.conftest import MakeClient
from tests.blueprints.test_speak import speak


def test_cache_control_of_the_request_is_honoured(client: FlaskClient) -> None:
    body = {"text": "Fresh please"}
    answer = speak(client, body, Cache_Control="only-if-cached")
    assert (answer.status_code, answer.get_json()["code"]) == (504, "NOT_CACHED")
    assert speak(client, body, Cache_Control="no-store").headers["x-cache"] == "BYPASS"
    assert speak(client, body, Cache_Control="only-if-cached").status_code == 504
    assert speak(client, body).headers["x-cache"] == "MISS"
    assert speak(client, body, Cache_Control="max-age=0, no-cache").headers["x-cache"] == "MISS"
    assert speak(client, body, Cache_Control="Only-If-Cached").headers["x-cache"] == "HIT"


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache_Control": "no-cache"},
        {"Cache_Control": "max-age=0"},
        {"Cache_Control": "Max-Age=0"},
        {"Cache_Control": 'max-age="0"'},
        {"Cache_Control": "max-age=0, must-revalidate"},
        {"Pragma": "no-cache"},
        {"Pragma": "No-Cache"},
        {"Cache_Control": "no-cache", "Pragma": "no-cache"},
    ],
)
def test_reload_is_a_new_take_for_later_requests(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"text": "Again please", "audio_format": "linear16"}
    first = speak(client, body, Accept="audio/*")
    fresh = speak(client, body, Accept="audio/*", **headers)
    later = speak(client, body, Accept="audio/*")
    assert [each.headers["x-cache"] for each in (first, fresh, later)] == ["MISS", "MISS", "HIT"]
    key = speak(client, body).get_json()["metadata"]["cache_key"]
    tags = [each.headers["ETag"] for each in (first, fresh, later)]
    assert all(tag.startswith(f'"{key}-') for tag in tags)
    assert tags[0] != tags[1] == tags[2]


@pytest.mark.parametrize(
    "headers",
    [
        {"Cache_Control": "max-age=60"},
        {"Cache_Control": "max-stale=0"},
        {"Cache_Control": "max-age=60", "Pragma": "no-cache"},
        {"Cache_Control": "max-age=soon"},
        {"Cache_Control": 'private="no-cache"'},
        {"Pragma": "cache"},
    ],
)
def test_other_directives_are_hits(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"text": "Known"}
    speak(client, body)
    assert speak(client, body, **headers).headers["x-cache"] == "HIT"


def test_envelope_and_bytes_of_one_take_have_one_tag(client: FlaskClient) -> None:
    first = speak(client, {"text": "One take"})
    assert first.headers["ETag"] == speak(client, {"text": "One take"}, Accept="audio/*").headers["ETag"]
    bypassed = speak(client, {"text": "One take"}, Cache_Control="no-store")
    assert bypassed.headers["ETag"] != first.headers["ETag"]


def test_entry_of_an_earlier_version_is_a_hit_with_a_tag(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    key = speak(client, {"text": "Kept"}).get_json()["metadata"]["cache_key"]
    cache: AudioCache = client.application.extensions["sayna"].cache
    clip = cache.get(key)
    assert clip is not None
    fields = {name: getattr(clip.info, name) for name in clip.info.__slots__}
    old = type(clip.info)(**{**json.loads(json.dumps(fields)), "created": clip.info.created - 7})
    cache.put(key, Clip(old, clip.audio))
    answer = speak(client, {"text": "Kept"}, Accept="audio/*")
    assert (answer.headers["x-cache"], answer.headers["Age"]) == ("HIT", "7")
    assert answer.headers["ETag"] == speak(make_client(), {"text": "Kept"}).headers["ETag"]


def test_metadata_tell_the_language_that_is_spoken(client: FlaskClient) -> None:
    asked = {"text": "Guten Tag", "provider": "espeak", "voice_id": "en-us", "language": "en"}
    assert speak(client, asked).get_json()["metadata"]["language"].lower() == "en-us"
    german = speak(client, {"text": "Guten Tag", "provider": "espeak", "language": "de"}).get_json()
    assert german["metadata"]["language"] == "de"


def test_audio_of_an_older_engine_is_not_used_again(client: FlaskClient) -> None:
    class Newer(Espeak):
        sound_version = Espeak.sound_version + 1

    services: Services = client.application.extensions["sayna"]
    request = SpeakRequest(text="Hello", provider="espeak")
    newer = Planner({"espeak": Newer(services.config.providers.espeak)}, services.config.speech, b"")
    assert newer.plan(request).key != services.planner.plan(request).key
    assert services.planner.plan(request).key == services.planner.plan(request).key
