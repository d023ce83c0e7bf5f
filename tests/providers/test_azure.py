"""What is particular to Azure; what it shares with others is in test_providers_contract.py."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.config import Secret
from sayna.http import Deadline
from sayna.providers.azure import Azure, AzureConfig
from sayna.providers.base import Voice
from tests.wire.asking import plan, request, speak
from tests.wire.azure import LANG, MSTTS, SPEAK, AzureFake


@pytest.fixture
def fake() -> Iterator[AzureFake]:
    with AzureFake() as fake:
        yield fake


def document(fake: AzureFake, **query: Any) -> dict[str, dict[str, str]]:
    """Say something; return the attributes of each element sent, outermost first."""
    provider = fake.provider()
    speak(provider, request(provider, **query))
    tags = (element.tag.replace(SPEAK, "").replace(MSTTS, "mstts:") for element in fake.documents[-1].iter())
    return dict(zip(tags, (element.attrib for element in fake.documents[-1].iter()), strict=True))


@pytest.mark.parametrize(
    "region",
    [
        *(
            "127.0.0.1:9/#",
            "10.0.0.5:8443/x?",
            "eastus.evil.example",
            "eastus@evil",
            "EASTUS",
            "east us",
            "e",
        ),
        *("eastus\r\n", "a" * 33, "eástus", "east-us", "", None, 7, ["eastus"]),
    ],
)
def test_a_region_that_is_none_reaches_nobody(fake: AzureFake, region: object) -> None:
    with pytest.raises(errors.InvalidProviderAuth):
        plan(fake.provider(), auth={"api_key": "good", "region": region})

    assert fake.connections == 0


@pytest.mark.parametrize(
    "auth", [{"api_key": "good"}, {"region": "eastus"}, {"api_key": "a", "region": "eastus", "x": "y"}]
)
def test_key_and_region_of_a_request_come_together(fake: AzureFake, auth: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidProviderAuth):
        plan(fake.provider(), auth=auth)


@pytest.mark.parametrize(
    ("auth", "host"),
    [
        (None, "eastus.tts.speech.microsoft.com"),
        ({"api_key": "k", "region": "westeurope"}, "westeurope.tts.speech.microsoft.com"),
    ],
)
def test_the_region_is_the_host_asked(monkeypatch: pytest.MonkeyPatch, auth: dict[str, str] | None, host: str) -> None:
    looked_up: list[str] = []

    def nobody(name: str, *_: object, **__: object) -> None:
        looked_up.append(name)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    provider = Azure(AzureConfig(api_key=Secret("server-key")))

    with pytest.raises(errors.ProviderError):
        speak(provider, request(provider, auth=auth))

    assert set(looked_up) == {host}


def test_a_plain_request_holds_no_more_than_voice_and_text(fake: AzureFake) -> None:
    assert document(fake) == {
        "speak": {"version": "1.0", LANG: "en-US"},
        "voice": {"name": "en-US-AvaMultilingualNeural"},
    }


def test_rate_pitch_and_volume_are_prosody(fake: AzureFake) -> None:
    sent = document(fake, speaking_rate=1.5, voice_settings={"pitch": -10, "volume": 80})

    assert sent["prosody"] == {"rate": "1.5", "pitch": "-10%", "volume": "80"}


def test_styles_are_expressed(fake: AzureFake) -> None:
    settings = {"style": "cheerful", "styledegree": 1.5, "role": "Girl"}

    sent = document(fake, voice_settings=settings)

    assert sent["mstts:express-as"] == {"style": "cheerful", "styledegree": "1.5", "role": "Girl"}


def test_a_multilingual_voice_speaks_the_language_asked_for(fake: AzureFake) -> None:
    assert document(fake, language="de-DE")["lang"] == {LANG: "de-DE"}


def test_any_other_voice_speaks_its_own(fake: AzureFake) -> None:
    sent = document(fake, voice_id="sr-Latn-RS-NicholasNeural", language="sr-BA")

    assert "lang" not in sent
    assert sent["speak"][LANG] == "sr-Latn-RS"


def test_a_voice_may_be_named_as_the_model_as_in_the_reference(fake: AzureFake) -> None:
    assert document(fake, model="en-US-Andrew:DragonHDLatestNeural")["voice"]["name"].startswith("en-US-Andrew:")


def test_control_characters_are_not_sent(fake: AzureFake) -> None:
    document(fake, text="one\x0btwo\x1f")

    assert fake.texts == ["one\ntwo"]


def test_voices_tell_locale_country_rate_and_styles(fake: AzureFake) -> None:
    first, second, odd = fake.provider().list_voices(Deadline.after(5))

    assert first == Voice(
        id="en-US-AvaMultilingualNeural",
        name="Ava Multilingual",
        provider="azure",
        accent="United States",
        gender="Female",
        languages=("en-US", "de-DE", "fr-FR"),
        sample_rates=(24000,),
        tags=("chat",),
    )
    assert (second.accent, second.languages, second.sample_rates) == (
        "Latin, Serbia",
        ("sr-Latn-RS",),
        (48000,),
    )
    assert odd == Voice(id="zz-ZZ-OddNeural", name="zz-ZZ-OddNeural", provider="azure", languages=("",))
