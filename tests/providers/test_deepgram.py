from collections.abc import Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.base import Voice
from sayna.speech.voices.normalize import normalize
from tests.wire import answers
from tests.wire.asking import TEXT, request, speak
from tests.wire.deepgram import MODELS, DeepgramFake


@pytest.fixture
def fake() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


def sent_query(fake: DeepgramFake, **query: Any) -> dict[str, str]:
    provider = fake.provider()
    speak(provider, request(provider, **query))
    return fake.hits[-1].params


@pytest.mark.parametrize(
    ("audio_format", "sample_rate", "rate"),
    [
        ("linear16", 24000, "24000"),
        ("wav", 22050, "24000"),
        ("flac", 44100, "48000"),
        ("mulaw", 8000, "24000"),
        ("mp3", 22050, "24000"),
        ("opus", 48000, "48000"),
    ],
)
def test_every_format_is_made_of_linear16(fake: DeepgramFake, audio_format: str, sample_rate: int, rate: str) -> None:
    sent = sent_query(fake, audio_format=audio_format, sample_rate=sample_rate)

    assert sent == {
        "model": "aura-2-thalia-en",
        "encoding": "linear16",
        "container": "none",
        "sample_rate": rate,
    }


@pytest.mark.parametrize(
    ("named", "spoken"),
    [
        ({}, "aura-2-thalia-en"),
        ({"voice_id": "aura-2-apollo-en"}, "aura-2-apollo-en"),
        ({"model": "aura-asteria-en"}, "aura-asteria-en"),
        ({"voice_id": "aura-2-apollo-en", "model": "aura-asteria-en"}, "aura-asteria-en"),
    ],
)
def test_a_model_wins_over_a_voice(fake: DeepgramFake, named: dict[str, Any], spoken: str) -> None:
    asked = request(fake.provider(), **named)

    assert (asked.voice_id, asked.model) == (spoken, spoken)
    assert sent_query(fake, **named)["model"] == spoken


@pytest.mark.parametrize(("rate", "speed"), [(None, None), (1, None), (0.25, "0.7"), (1.234567, "1.23457"), (4, "1.5")])
def test_the_speed_is_sent_when_it_is_not_the_usual_one(
    fake: DeepgramFake, rate: float | None, speed: str | None
) -> None:
    assert sent_query(fake, speaking_rate=rate).get("speed") == speed


@pytest.mark.parametrize(("value", "wire"), [(True, "true"), (False, "false")])
def test_the_opt_out_is_part_of_the_query(fake: DeepgramFake, value: bool, wire: str) -> None:
    assert sent_query(fake, voice_settings={"mip_opt_out": value})["mip_opt_out"] == wire


def test_the_key_and_the_text_go_where_deepgram_wants_them(fake: DeepgramFake) -> None:
    speak(fake.provider())

    assert fake.hits[0].headers["authorization"] == "Token good"
    assert fake.hits[0].json() == {"text": TEXT}


def test_a_text_that_is_too_long_is_the_caller_s_failure(fake: DeepgramFake) -> None:
    provider = fake.provider()

    with pytest.raises(errors.ProviderRejectedRequest):
        speak(provider, request(provider, text="a" * 2001))


@pytest.mark.parametrize(
    ("voice", "language"),
    [("aura-2-thalia-en", "en"), ("aura-asteria-en", "en"), ("aura-2-nestor-es", "es"), ("custom", "")],
)
def test_the_name_tells_the_language(fake: DeepgramFake, voice: str, language: str) -> None:
    assert fake.provider().languages_of(voice) == ((language,) if language else ())


def listed(fake: DeepgramFake, *tts: object) -> list[Voice]:
    fake.models = {"tts": list(tts)}
    return fake.provider().list_voices(Deadline.after(5))


def test_models_become_voices(fake: DeepgramFake) -> None:
    thalia, apollo = listed(fake, *MODELS["tts"])

    assert thalia == Voice(
        id="aura-2-thalia-en",
        name="thalia",
        provider="deepgram",
        sample="https://static.example/thalia.wav",
        accent="American",
        gender="Female",
        languages=("en", "en-US"),
        tags=("feminine", "clear"),
    )
    assert (apollo.gender, apollo.languages) == ("Male", ("en",))


@pytest.mark.parametrize(
    ("tags", "gender"),
    [
        (["female"], "Female"), (["male"], "Male"), (["Feminine"], "Female"), (["MASCULINE"], "Male"),
        (["clear", "feminine"], "Female"), (["femaleish"], "Unknown"), ([], "Unknown"), (None, "Unknown"),
        ([None, 7], "Unknown"), ("feminine", "Unknown"),
    ],
)  # fmt: skip
def test_only_a_whole_tag_tells_the_gender(fake: DeepgramFake, tags: object, gender: str) -> None:
    assert listed(fake, {"canonical_name": "aura-2-x-en", "metadata": {"tags": tags}})[0].gender == gender


def test_what_is_missing_fails_nothing(fake: DeepgramFake) -> None:
    bare = {"canonical_name": "aura-2-x-en", "name": None, "languages": None, "metadata": None}

    voices = listed(fake, None, "x", {}, {"canonical_name": None}, bare, {"canonical_name": "aura-2-y-en"})

    voices = list(normalize(voices, fake.provider()))
    assert [(voice.id, voice.name, voice.language, voice.accent) for voice in voices] == [
        ("aura-2-x-en", "aura-2-x-en", "Unknown", "Unknown"),
        ("aura-2-y-en", "aura-2-y-en", "Unknown", "Unknown"),
    ]


def test_an_error_is_not_an_empty_catalogue(fake: DeepgramFake) -> None:
    fake.then(answers.as_json({"err_code": "INVALID_AUTH"}))

    with pytest.raises(errors.ProviderError):
        fake.provider().list_voices(Deadline.after(5))
