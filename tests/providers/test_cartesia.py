"""What is particular to Cartesia; what it shares with others is in test_providers_contract.py."""

from collections.abc import Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.base import Voice
from sayna.speech.voices.normalize import normalize
from tests.wire.asking import request, speak
from tests.wire.cartesia import KLARA, CartesiaFake

UNKNOWN_VOICE = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def fake() -> Iterator[CartesiaFake]:
    with CartesiaFake() as fake:
        yield fake


def sent(fake: CartesiaFake, **query: Any) -> dict[str, Any]:
    provider = fake.provider()
    speak(provider, request(provider, **query))
    body: dict[str, Any] = fake.hits[-1].json()
    return body


def test_a_voice_speaks_its_own_language_which_is_asked_for_once(fake: CartesiaFake) -> None:
    provider = fake.provider()

    for _ in range(2):
        speak(provider, request(provider, voice_id=KLARA))

    assert fake.languages == ["de", "de"]
    assert [hit.method for hit in fake.hits] == ["GET", "POST", "POST"]


def test_a_voice_without_a_language_speaks_english(fake: CartesiaFake) -> None:
    assert sent(fake, voice_id="00000000-0000-4000-8000-000000000000")["language"] == "en"


def test_the_language_of_the_request_needs_no_look(fake: CartesiaFake) -> None:
    assert sent(fake, voice_id=KLARA, language="fr-CA")["language"] == "fr"
    assert len(fake.hits) == 1


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("language", ["en", None])
def test_an_unknown_voice_is_the_caller_s_mistake(fake: CartesiaFake, modern: bool, language: str | None) -> None:
    fake.modern = modern
    provider = fake.provider()

    with pytest.raises(errors.ProviderRejectedRequest) as caught:
        speak(provider, request(provider, voice_id=UNKNOWN_VOICE, language=language))
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("modern", [False, True])
def test_refusals_are_understood_in_both_styles(fake: CartesiaFake, modern: bool) -> None:
    fake.modern = modern

    with pytest.raises(errors.ProviderRejectedCredentials):
        speak(fake.provider("poor"))
    assert speak(fake.provider("busy"))


def test_a_plain_request_has_no_generation_config(fake: CartesiaFake) -> None:
    assert "generation_config" not in sent(fake)


def test_speed_volume_and_emotion_are_generation_config(fake: CartesiaFake) -> None:
    body = sent(fake, speaking_rate=1.2, voice_settings={"volume": 0.5, "emotion": "sad"})

    assert body["generation_config"] == {"speed": 1.2, "volume": 0.5, "emotion": "sad"}


def test_all_pages_of_the_catalogue_are_read(fake: CartesiaFake) -> None:
    provider = fake.provider()
    first, second, third = provider.list_voices(Deadline.after(5))

    assert first == Voice(
        id="a0e99841-438c-4a64-b679-ae501e7d6091",
        name="Barbershop Man",
        provider="cartesia",
        gender="Male",
        language="en",
        languages=("en-US",),
        description="A man who knows everybody",
    )
    second, third = normalize((second, third), provider)
    assert (second.gender, second.languages) == ("Female", ("de",))
    assert (third.name, third.gender, third.language) == (third.id, "Neutral", "Unknown")
