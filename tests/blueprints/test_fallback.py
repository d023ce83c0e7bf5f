"""A voice with several targets: who speaks when one of them fails, and what that costs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.errors import CallerGone
from sayna.services import Services
from sayna.speech.plan import SpeakRequest
from sayna.speech.service import CacheMode
from tests.blueprints.conftest import MakeClient
from tests.blueprints.own_voices import CHAIN, SPARE, own_client, say, spoke
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.server import Answer

FAILURES: dict[str, Answer] = {
    "error": answers.status(500),
    "rate limited": answers.too_many(),
    "key refused": answers.status(401),
    "reset": answers.reset(),
    "page": answers.html(),
    "silent": answers.hang(),
}
SILENT_SECONDS = 2
BROKEN = answers.reset_after(bytes(range(256)) * 100, "audio/l16;rate=24000")


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def client(make_client: MakeClient, deepgram: DeepgramFake, tmp_path: Path) -> FlaskClient:
    return own_client(make_client, tmp_path, deepgram)


@pytest.mark.parametrize("form", ["stream", "envelope"])
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_next_target_speaks_after_one_failed_attempt(
    client: FlaskClient, deepgram: DeepgramFake, failure: Answer, form: str
) -> None:
    deepgram.always(failure).then(failure)

    seconds = SILENT_SECONDS if failure is FAILURES["silent"] else None
    answer = say(client, form=form, connection_timeout=seconds)
    again = say(client, form=form, connection_timeout=seconds)

    assert answer.status_code == 200
    assert spoke(answer)[1:] == ("espeak", "deepgram")
    assert spoke(again) == spoke(answer)
    assert again.headers["x-cache"] == "HIT"
    # One attempt, no retry, and none while the breaker is open.
    assert len(deepgram.hits) == 1
    assert answer.headers["Cache-Control"] == "private, max-age=60"


def test_first_target_speaks_while_it_can(client: FlaskClient, deepgram: DeepgramFake) -> None:
    first, again = say(client), say(client)

    assert spoke(first) == spoke(again) == (200, "deepgram", None)
    assert again.headers["x-cache"] == "HIT"
    assert len(deepgram.hits) == 1


@pytest.mark.parametrize(("form", "speaker"), [("envelope", "espeak"), ("stream", None)])
def test_reset_in_the_middle_is_mended_only_before_the_callers_first_byte(
    client: FlaskClient, deepgram: DeepgramFake, form: str, speaker: str | None
) -> None:
    deepgram.then(BROKEN)
    if speaker is None:
        with pytest.raises(Exception, match="deepgram"):
            _ = say(client, form=form).data
    else:
        assert spoke(say(client, form=form)) == (200, speaker, "deepgram")
    # The failure has opened the breaker for the next request in both cases.
    assert spoke(say(client, "Another text", form=form)) == (200, "espeak", "deepgram")
    assert len(deepgram.hits) == 1


def test_silence_in_the_middle_of_a_whole_answer_ends_an_attempt(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.hang_in_body("audio/l16;rate=24000", bytes(range(256)) * 100))

    answer = say(client, form="envelope", connection_timeout=SILENT_SECONDS)

    assert spoke(answer) == (200, "espeak", "deepgram")


def test_hang_up_during_a_whole_answer_says_nothing_about_its_provider(
    client: FlaskClient, deepgram: DeepgramFake
) -> None:
    deepgram.then(answers.hang_in_body("audio/l16;rate=24000", bytes(range(256)) * 100))
    services: Services = client.application.extensions["sayna"]
    plan = services.planner.plan(SpeakRequest("Hello there", voice="reception"))
    # Two looks a second: the first audio is there when the client is gone.
    is_connected = chain([True] * 4, repeat(False)).__next__
    with pytest.raises(CallerGone):
        services.fallback.speak(plan, CacheMode.USE, is_whole=True, is_client_connected=is_connected)
    assert len(deepgram.hits) == 1

    assert spoke(say(client, "Another text", connection_timeout=SILENT_SECONDS)) == (200, "deepgram", None)


def test_silent_target_leaves_half_of_the_time_to_the_next(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.hang())

    assert spoke(say(client, request_timeout=6)) == (200, "espeak", "deepgram")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": " "}, "EMPTY_TEXT"),
        ({"sample_rate": 7}, "UNSUPPORTED_FORMAT"),
        ({"auth": {"api_key": "mine"}}, "INVALID_REQUEST"),
        ({"voice_settings": {"pitch": 1}}, "INVALID_REQUEST"),
        ({"language": "de"}, "INVALID_REQUEST"),
        ({"language": "!"}, "INVALID_REQUEST"),
    ],
)
def test_mistake_of_the_caller_is_no_reason_for_the_next(
    client: FlaskClient, deepgram: DeepgramFake, fields: dict[str, Any], code: str
) -> None:
    answer = say(client, **fields)

    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert deepgram.hits == []


def test_refused_text_is_no_reason_for_the_next(client: FlaskClient, deepgram: DeepgramFake) -> None:
    deepgram.then(answers.status(400))

    answer = say(client)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "PROVIDER_REJECTED_REQUEST")


def test_error_of_the_last_target_is_told(make_client: MakeClient, deepgram: DeepgramFake, tmp_path: Path) -> None:
    twice = own_client(
        make_client, tmp_path, deepgram, {"reception": [CHAIN[0], {**CHAIN[0], "voice_id": "aura-2-apollo-en"}]}
    )
    deepgram.then(answers.status(500), answers.too_many("7"))

    answer = say(twice)

    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_RATE_LIMITED")
    assert answer.headers["Retry-After"] == "7"
    assert len(deepgram.hits) == 2


def test_cached_speech_of_the_first_target_is_served_while_it_fails(
    client: FlaskClient, deepgram: DeepgramFake
) -> None:
    assert spoke(say(client, "Kept"))[1] == "deepgram"
    deepgram.then(answers.status(500))
    assert spoke(say(client, "New"))[1] == "espeak"

    kept = say(client, "Kept")

    assert (spoke(kept), kept.headers["x-cache"]) == ((200, "deepgram", None), "HIT")


def test_no_cache_asks_the_providers_and_not_the_clips(client: FlaskClient, deepgram: DeepgramFake) -> None:
    assert spoke(say(client))[1] == "deepgram"
    deepgram.then(answers.status(500))

    fresh = say(client, cache_control="no-cache")

    assert (spoke(fresh), fresh.headers["x-cache"]) == ((200, "espeak", "deepgram"), "MISS")
    assert spoke(say(client, cache_control="no-store"))[1] == "espeak"
    assert len(deepgram.hits) == 2


def test_only_if_cached_takes_the_clip_of_any_target(client: FlaskClient, deepgram: DeepgramFake) -> None:
    missing = say(client, cache_control="only-if-cached")
    deepgram.then(answers.status(500))
    say(client)
    found = say(client, cache_control="only-if-cached")
    derived = say(client, cache_control="only-if-cached", audio_format="mulaw")

    assert (missing.status_code, missing.get_json()["code"]) == (504, "NOT_CACHED")
    assert (spoke(found), found.headers["x-cache"]) == ((200, "espeak", "deepgram"), "HIT")
    assert (spoke(derived), derived.headers["x-cache"]) == ((200, "espeak", "deepgram"), "HIT")


@pytest.mark.parametrize(
    "failure", [answers.status(500), answers.reset(), answers.hang()], ids=["error", "reset", "silent"]
)
def test_storm_on_a_dead_provider_costs_one_call(client: FlaskClient, deepgram: DeepgramFake, failure: Answer) -> None:
    deepgram.then(*[failure] * 60)

    with ThreadPoolExecutor(30) as pool:
        spoken = list(
            pool.map(lambda number: spoke(say(client, f"{number}", connection_timeout=SILENT_SECONDS)), range(60))
        )

    assert set(spoken) == {(200, "espeak", "deepgram")}
    assert len(deepgram.hits) == 1


def test_storm_on_a_sound_provider_is_spoken_by_it(client: FlaskClient, deepgram: DeepgramFake) -> None:
    with ThreadPoolExecutor(30) as pool:
        spoken = list(pool.map(lambda number: spoke(say(client, f"{number}")), range(60)))

    assert set(spoken) == {(200, "deepgram", None)}


def test_tenant_hears_only_targets_that_it_may_use(
    make_client: MakeClient, deepgram: DeepgramFake, tmp_path: Path
) -> None:
    secrets = (
        '[{"id": "a", "secret": "sk_voices_of_tenant_a", "providers": ["espeak"]},'
        ' {"id": "b", "secret": "sk_voices_of_tenant_b", "providers": ["google"]}]'
    )
    voices = {"reception": [CHAIN[0], SPARE]}
    client = own_client(
        make_client, tmp_path, deepgram, voices, AUTH_REQUIRED="true", AUTH_API_SECRETS_JSON=secrets,
        GOOGLE_APPLICATION_CREDENTIALS="",
    )  # fmt: skip
    body = {"text": "Hello", "voice": "reception"}

    heard = client.post("/speak", json=body, headers={"Authorization": "Bearer sk_voices_of_tenant_a"})
    refused = client.post("/speak", json=body, headers={"Authorization": "Bearer sk_voices_of_tenant_b"})

    assert spoke(heard) == (200, "espeak", None)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "PROVIDER_NOT_ALLOWED")
    assert deepgram.hits == []
