"""The promises of the contract suite, kept by the real vendors; texts are short: they cost money."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.base import TTSProvider
from tests.audio.sounds import heard
from tests.wire.asking import request, resolved, speak

TEXT = 'Tom & Jerry said: "one < two".'
WISHES = [
    ("linear16", 24000),
    ("linear16", 8000),
    ("wav", 44100),
    ("mp3", 24000),
    ("mp3", 44100),
    ("opus", 48000),
    ("mulaw", 8000),
    ("alaw", 8000),
]


def seconds(provider: TTSProvider, **query: Any) -> float:
    """Return how long the speech of the text lasts."""
    return heard(speak(provider, request(provider, text=TEXT, **query)), resolved("linear16", 24000)).seconds


@pytest.mark.parametrize(("audio_format", "sample_rate"), WISHES)
def test_speech_comes_as_asked(provider: TTSProvider, audio_format: str, sample_rate: int) -> None:
    asked = request(provider, audio_format, sample_rate, text=TEXT)

    sound = heard(speak(provider, asked), resolved(audio_format, sample_rate))

    assert (sound.rate, sound.channels) == (sample_rate, 1)
    assert 1 < sound.seconds < 10
    assert sound.loudness > 0.005


def test_every_script_is_taken(provider: TTSProvider) -> None:
    assert speak(provider, request(provider, text="Grüße 😀 שלום 你好"))


def test_the_speaking_rate_is_heard(provider: TTSProvider) -> None:
    slow, fast = provider.rates

    assert seconds(provider, speaking_rate=max(slow, 0.7)) > 1.1 * seconds(provider, speaking_rate=min(fast, 1.4))


def test_the_catalogue_is_complete_and_has_the_default_voice(provider: TTSProvider) -> None:
    started = time.monotonic()

    voices = provider.list_voices(Deadline.after(20))

    assert time.monotonic() - started < 20
    assert len({voice.id for voice in voices}) == len(voices)
    # A server like OpenAI's need not list any.
    assert not voices or provider.default_voice in {voice.id for voice in voices}


def test_an_unknown_voice_is_refused_as_the_caller_s_mistake(provider: TTSProvider) -> None:
    unknown = {
        "azure": "en-US-NobodyNeural",
        "cartesia": "11111111-1111-4111-8111-111111111111",
        "deepgram": "aura-2-nobody-en",
        "elevenlabs": "nobodynobodynobody12",
        "google": "en-US-Neural2-ZZ",
        "polly": "Nobody",
    }

    with pytest.raises(errors.ProviderRejectedRequest):
        speak(provider, request(provider, text="x", voice_id=unknown.get(provider.slug, "nobody")))


def test_wrong_credentials_are_refused_as_such(
    provider: TTSProvider, wrong_credentials: Callable[[TTSProvider], dict[str, object]]
) -> None:
    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider, request(provider, text="x", auth=wrong_credentials(provider)))
    assert caught.value.status == 400
