"""Asking an adapter for speech the way the service does."""

import dataclasses
from typing import Any

# Import requests now, otherwise its import would count against the deadline of the first test.
import sayna.http.exchange  # noqa: F401
from sayna import audio
from sayna.audio.spec import AudioSpec
from sayna.config import SpeechConfig
from sayna.errors import ProviderError
from sayna.http import Deadline
from sayna.providers.base import SpeechRequest, TTSProvider
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.planner import Planner

TEXT = 'Ben & Jerry\'s <b>"quoted"</b> 😀 שלום 你好'


def plan(provider: TTSProvider, **query: Any) -> Plan:
    """Return the plan of one query for a provider, as POST /speak makes it."""
    planner = Planner({provider.slug: provider}, SpeechConfig(), b"secret")
    return planner.plan(SpeakRequest(**{"text": TEXT, "provider": provider.slug, **query}))


def request(
    provider: TTSProvider, audio_format: str = "linear16", sample_rate: int = 24000, **query: Any
) -> SpeechRequest:
    """Return what an adapter is given, with the caller's own deadline."""
    planned = plan(provider, audio_format=audio_format, sample_rate=sample_rate, **query)
    return dataclasses.replace(planned.provider_request(), deadline=Deadline.after(planned.request_seconds))


def speak(provider: TTSProvider, asked: SpeechRequest | None = None) -> bytes:
    """Return the audio in the format asked for, checked and converted as the service does it."""
    asked = asked or request(provider)
    stream = provider.synthesize(asked)
    try:
        return b"".join(audio.convert(audio.checked(stream.chunks, stream.spec), stream.spec, asked.target))
    except audio.ImplausibleAudio as error:
        raise ProviderError("that is not the audio asked for") from error
    finally:
        stream.close()


def resolved(audio_format: str, sample_rate: int) -> AudioSpec:
    """Return what the contract delivers for a wish."""
    return audio.resolve(audio_format, sample_rate)
