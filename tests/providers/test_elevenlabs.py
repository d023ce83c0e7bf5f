from collections.abc import Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers import elevenlabs
from sayna.providers.base import Voice
from sayna.speech import longtext
from sayna.speech.voices.normalize import normalize
from tests.wire import answers
from tests.wire.asking import TEXT, request, speak
from tests.wire.elevenlabs import ElevenLabsFake


@pytest.fixture
def fake() -> Iterator[ElevenLabsFake]:
    with ElevenLabsFake() as fake:
        yield fake


def sent_body(fake: ElevenLabsFake, **query: Any) -> dict[str, Any]:
    provider = fake.provider()
    speak(provider, request(provider, **query))
    body: dict[str, Any] = fake.hits[-1].json()
    return body


@pytest.mark.parametrize(
    ("audio_format", "sample_rate", "wire"),
    [
        ("linear16", 24000, "pcm_24000"), ("wav", 22050, "pcm_24000"), ("wav", 32000, "pcm_32000"),
        ("mp3", 24000, "pcm_24000"), ("opus", 24000, "pcm_24000"), ("mulaw", 8000, "pcm_24000"),
        ("flac", 44100, "pcm_44100"), ("mp3", 44100, "pcm_44100"), ("linear16", 48000, "pcm_48000"),
    ],
)  # fmt: skip
def test_formats_are_asked_for_in_elevenlabs_words(
    fake: ElevenLabsFake, audio_format: str, sample_rate: int, wire: str
) -> None:
    fake.is_pro = True
    sent_body(fake, audio_format=audio_format, sample_rate=sample_rate)

    assert fake.hits[0].params == {"output_format": wire}


def test_a_plan_without_high_rates_gets_the_rate_of_all_plans(fake: ElevenLabsFake) -> None:
    provider = fake.provider()
    for own in (None, None, fake.credentials("good")):
        speak(provider, request(provider, "wav", 48000, auth=own))

    asked = [hit.params["output_format"] for hit in fake.hits]
    assert asked == ["pcm_48000", "pcm_24000", "pcm_24000", "pcm_48000", "pcm_24000"]
    assert provider.check() == "ok"


def test_voice_key_and_text_go_where_elevenlabs_wants_them(fake: ElevenLabsFake) -> None:
    body = sent_body(fake, voice_id="JBFqnCBsd6RMkjVDRZzb", model="eleven_flash_v2_5")

    assert body == {"text": TEXT, "model_id": "eleven_flash_v2_5"}
    assert fake.hits[0].path == "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream"
    assert fake.hits[0].headers["xi-api-key"] == "good"


def test_settings_go_to_the_voice_or_to_the_body(fake: ElevenLabsFake) -> None:
    voice = {"stability": 0.5, "similarity_boost": 1, "style": 0, "use_speaker_boost": False}
    call = {"seed": 0, "apply_text_normalization": "off"}

    body = sent_body(fake, voice_settings={**voice, **call}, speaking_rate=2)

    assert body["voice_settings"] == {**voice, "speed": 1.2}
    assert {name: body[name] for name in call} == call


@pytest.mark.parametrize(
    ("model", "language", "code"),
    [
        ("eleven_flash_v2_5", "pt-BR", "pt"), ("eleven_turbo_v2_5", "EN", "en"), ("eleven_v3", "fa", "fa"),
        ("eleven_multilingual_v2", "de", None), ("eleven_flash_v2", "en", None), ("eleven_v3", None, None),
    ],
)  # fmt: skip
def test_the_language_is_sent_to_models_that_take_one(
    fake: ElevenLabsFake, model: str, language: str | None, code: str | None
) -> None:
    assert sent_body(fake, model=model, language=language).get("language_code") == code


@pytest.mark.parametrize(("model", "calls"), [("eleven_v3", 2), ("eleven_multilingual_v2", 1)])
def test_a_text_is_cut_to_what_its_model_takes(fake: ElevenLabsFake, model: str, calls: int) -> None:
    words: dict[str, Any] = {"text": "SQL. " * 1000, "pronunciations": [("SQL", "sequel")]}
    provider = fake.provider()
    asked = request(provider, model=model, **words)

    assert b"".join(longtext.synthesize(provider, asked, 20).chunks)

    texts = sorted(hit.json()["text"] for hit in fake.hits)
    assert len(texts) == calls
    assert "".join(" ".join(texts).split()) == "sequel." * 1000
    assert longtext.allowance(provider, asked, 20) == calls * 20


def test_an_unknown_voice_is_the_caller_s_failure(fake: ElevenLabsFake) -> None:
    provider = fake.provider()

    with pytest.raises(errors.ProviderRejectedRequest):
        speak(provider, request(provider, voice_id="nobody"))


@pytest.mark.parametrize(
    ("status", "detail", "expected", "calls"),
    [
        (401, {"status": "quota_exceeded"}, errors.ProviderRejectedCredentials, 1),
        (429, {"code": "quota_exceeded"}, errors.ProviderRejectedCredentials, 1),
        (400, {"code": "system_busy"}, errors.ProviderRateLimited, 2),
        (429, {"status": "concurrent_limit_exceeded"}, errors.ProviderRateLimited, 2),
        (422, [{"loc": ["body", "text"], "msg": "CANARY"}], errors.ProviderRejectedRequest, 1),
        (422, None, errors.ProviderRejectedRequest, 1),
        (400, {"code": None, "status": 7}, errors.ProviderRejectedRequest, 1),
    ],
)
def test_the_detail_tells_what_the_status_does_not(
    fake: ElevenLabsFake, status: int, detail: object, expected: type[errors.ProviderError], calls: int
) -> None:
    refusal = answers.as_json({"detail": detail}, status)
    fake.then(refusal, refusal)

    with pytest.raises(errors.ProviderError) as caught:
        speak(fake.provider())

    assert type(caught.value) is expected
    assert len(fake.hits) == calls


def listed(fake: ElevenLabsFake, *voices: object) -> list[Voice]:
    fake.voices = list(voices)
    return fake.provider().list_voices(Deadline.after(5))


def test_all_pages_become_voices(fake: ElevenLabsFake) -> None:
    rachel, george = fake.provider().list_voices(Deadline.after(5))

    assert rachel == Voice(
        id="21m00Tcm4TlvDq8ikWAM",
        name="Rachel",
        provider="elevenlabs",
        sample="https://static.example/r.mp3",
        accent="american",
        gender="Female",
        language="en",
        languages=("en-US",),
        tags=("narration", "young"),
        description="A calm voice",
    )
    assert (george.gender, george.accent, george.language, george.languages) == ("Male", "british", "", ())
    assert [hit.params.get("next_page_token") for hit in fake.hits] == [None, "page1"]
    assert fake.hits[0].params["page_size"] == "100"


@pytest.mark.parametrize(
    ("labels", "gender"),
    [
        ({"gender": "female"}, "Female"), ({"gender": "Male "}, "Male"), ({"sex": "neutral"}, "Neutral"),
        ({"gender": "non-binary"}, "Neutral"), ({"gender": None, "voice_type": "female"}, "Female"),
        ({"gender": "gentleman"}, "Unknown"), ({"gender": 7}, "Unknown"), ({}, "Unknown"), (None, "Unknown"),
        ([], "Unknown"),
    ],
)  # fmt: skip
def test_only_a_whole_label_tells_the_gender(fake: ElevenLabsFake, labels: object, gender: str) -> None:
    assert listed(fake, {"voice_id": "x", "labels": labels})[0].gender == gender


def test_what_is_missing_fails_nothing(fake: ElevenLabsFake) -> None:
    bare = {
        "voice_id": "x",
        "name": None,
        "labels": {"accent": None},
        "verified_languages": [None, {"locale": 1}],
    }
    labelled = {"voice_id": "y", "name": "Y", "labels": {"language": "sv"}, "verified_languages": []}

    voices = normalize(listed(fake, None, 7, {}, {"voice_id": None}, bare, labelled), fake.provider())

    assert [(voice.id, voice.name, voice.language, voice.languages) for voice in voices] == [
        ("x", "x", "Unknown", ()),
        ("y", "Y", "Swedish", ("sv",)),
    ]


def test_a_catalogue_without_end_is_left_after_fifty_pages(fake: ElevenLabsFake) -> None:
    fake.then(*[answers.as_json({"voices": [], "has_more": True, "next_page_token": "again"})] * 60)

    assert fake.provider().list_voices(Deadline.after(30)) == []
    assert len(fake.hits) == elevenlabs.MAX_PAGES


@pytest.mark.parametrize("token", [None, "", 7])
def test_more_without_a_token_is_the_end(fake: ElevenLabsFake, token: object) -> None:
    fake.then(answers.as_json({"voices": [{"voice_id": "x"}], "has_more": True, "next_page_token": token}))

    assert [voice.id for voice in fake.provider().list_voices(Deadline.after(5))] == ["x"]
