"""POST /speak and its cache: what a request may ask of it, and which take an answer is."""

import time

import pytest
from flask.testing import FlaskClient

from sayna.providers.espeak import Espeak
from sayna.services import Services
from sayna.speech.cache import Clip
from sayna.speech.plan import SpeakRequest
from sayna.speech.planner import Planner
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


@pytest.mark.parametrize("accept", ["audio/wav", "application/json"])
def test_each_header_of_a_hit_is_sent_once(client: FlaskClient, accept: str) -> None:
    answers = [speak(client, {"text": "Once please"}, Accept=accept) for _ in range(2)]
    assert [answer.headers["x-cache"] for answer in answers] == ["MISS", "HIT"]
    names = [name.lower() for name, _ in answers[1].headers]
    assert sorted(names) == sorted(set(names))
    assert answers[1].content_length == len(answers[1].data)


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


def test_entry_of_an_earlier_version_is_quietly_missed(client: FlaskClient) -> None:
    key = speak(client, {"text": "Kept"}).get_json()["metadata"]["cache_key"]
    services: Services = client.application.extensions["sayna"]
    plan = services.planner.plan(SpeakRequest(text="Never heard", provider="espeak"))
    # Earlier versions stored the clip under the key that clients see.
    services.cache.put(plan.key, Clip(plan.describe(created=time.time()), b"RIFF"))
    answer = speak(client, {"text": "Never heard"})
    assert answer.headers["x-cache"] == "MISS"
    assert answer.get_json()["metadata"]["cache_key"] == plan.key != key


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
