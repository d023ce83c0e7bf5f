"""OpenAI's speech API: https://platform.openai.com/docs/api-reference/audio/createSpeech."""

import json
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from sayna.blueprints.compat import elevenlabs
from sayna.blueprints.compat.translation import (
    described,
    is_configured,
    kept_voices,
    named_model,
    named_voice,
    slug_of,
    usable_providers,
)
from sayna.blueprints.context import current_request, services
from sayna.blueprints.responses import audio_response, json_response, planned, speech_of, with_speech_headers
from sayna.errors import UnknownProvider, UnsupportedFormat
from sayna.providers import PROVIDERS
from sayna.schemas.base import ignored_fields
from sayna.schemas.compat import OPENAI_SPEECH, OPENAI_VOICES
from sayna.schemas.vocabulary import FORMAT_NAMES
from sayna.speech.own_voices import ALIAS
from sayna.speech.plan import SpeakRequest
from sayna.speech.service import SpeechResult

blueprint = Blueprint("openai", __name__)

# What clients send that know nothing but OpenAI.
OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
# Bytes of audio in one event, where the audio is there already; a multiple of 3 needs no padding in base64.
DELTA_BYTES = 24_576
DONE = {"type": "speech.audio.done", "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}
CREATED = 1_700_000_000  # clients only need a number


@blueprint.post("/v1/audio/speech")
def openai_speech() -> Response:
    """Answer with audio, or with events that carry it."""
    asked = current_request()
    plan = planned(asked, ("openai", ""), partial(ignored_fields, OPENAI_SPEECH), _speak_request)
    speech = speech_of(asked, plan)
    if not plan.prefers_envelope:
        return audio_response(speech)
    events = _events(speech)
    response = Response(b"".join(events) if speech.clip else events, content_type="text/event-stream")
    response.call_on_close(speech.close)
    with_speech_headers(response, speech)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _speak_request(body: dict[str, Any]) -> SpeakRequest:
    wanted = OPENAI_SPEECH.parse(body)
    provider, model, voice = _chosen(wanted.get("model", ""), wanted.get("voice", ""), wanted.get("provider", ""))
    settings = dict(wanted.get("voice_settings", {}))
    instructions = wanted.get("instructions")
    if instructions and provider in PROVIDERS and "instructions" in PROVIDERS[provider].voice_settings:
        settings.setdefault("instructions", instructions)
    rules = wanted.get("pronunciations", [])
    audio_format = wanted.get("response_format") or "mp3"
    if audio_format.lower() not in FORMAT_NAMES:
        raise UnsupportedFormat(f"response_format must be one of {', '.join(FORMAT_NAMES)}")
    return SpeakRequest(
        text=wanted.get("input"),
        provider=provider,
        voice_id=voice,
        model=model,
        speaking_rate=wanted.get("speed"),
        audio_format=audio_format,
        sample_rate=wanted.get("sample_rate"),
        language=wanted.get("language"),
        voice_settings=settings,
        pronunciations=tuple((rule["word"], rule["pronunciation"]) for rule in rules),
        # Events are the envelope of this dialect.
        prefers_envelope=wanted.get("stream_format") == "sse",
    )


def _chosen(model: str, voice: str, provider: str) -> tuple[str | None, str, str]:
    """Return provider, model and voice (the first may be None, the others empty); raises UnknownProvider."""
    of_voice, voice = named_voice(voice)
    of_model, model_name = named_model(model)
    slug = of_voice or slug_of(provider) or provider or of_model
    if of_model:
        model = model_name if of_model == slug else ""
    elif not model or model.startswith(("tts-1", "gpt-4o-mini-tts")):
        slug = slug or ("openai" if is_configured("openai") else "")
        # The models of OpenAI mean the default model of any other provider.
        model = model if slug == "openai" else ""
    elif not slug:
        if not is_configured("openai"):
            raise UnknownProvider(f"the model is unknown; send one of {', '.join(usable_providers())}")
        # The server behind OPENAI_BASE_URL may have models of any name.
        slug = "openai"
    # Many clients can send no other voices, so a name of OpenAI means the default voice of any other provider.
    is_openai_s = voice.lower() in OPENAI_VOICES and slug not in ("openai", ALIAS)
    return slug or None, model, "" if is_openai_s else voice


def _events(speech: SpeechResult) -> Iterator[bytes]:
    for chunk in speech.chunks():
        for at in range(0, len(chunk), DELTA_BYTES):
            audio = b64encode(chunk[at : at + DELTA_BYTES]).decode()
            yield _event({"type": "speech.audio.delta", "audio": audio})
    yield _event(DONE)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


@blueprint.get("/v1/models")
def models() -> Response:
    """Answer with the models, in ElevenLabs's form to a client that sends its header."""
    if "xi-api-key" in request.headers and elevenlabs.blueprint.name in services().config.compat.enabled:
        return elevenlabs.models()
    return json_response({"object": "list", "data": [_model(name) for name in model_names()]})


@blueprint.get("/v1/models/<path:model_id>")
def model(model_id: str) -> Response:
    """Answer with one model and the voices of its provider; raises UnknownProvider."""
    if model_id not in model_names():
        raise UnknownProvider(f"the model is unknown; send one of {', '.join(model_names())}"[:500])
    slug = _chosen(model_id, "", "")[0] or services().planner.provider(None).slug
    return json_response({**_model(model_id), "voices": [described(voice) for voice in kept_voices(slug)]})


@blueprint.get("/v1/audio/models")
def audio_models() -> Response:
    """Answer with the models in the form of Open WebUI."""
    return json_response({"models": [{"id": name, "name": name} for name in model_names()]})


@blueprint.get("/v1/audio/voices")
def audio_voices() -> Response:
    """Answer with OpenAI's names, then with the known voices of all providers or of one."""
    wanted = request.args.get("provider", "") or request.args.get("model", "")
    provider, _ = named_model(wanted)
    voices = [{"id": voice.id, **described(voice), "provider": ALIAS} for voice in kept_voices(ALIAS)]
    own = [voice["id"] for voice in voices]
    # A saved choice of a classic name must stay valid, so these come before the voices of the providers.
    voices += [
        {"id": name, "name": name.capitalize(), "language": "", "gender": "", "provider": ""}
        for name in OPENAI_VOICES
        if name not in own
    ]
    voices += [
        {
            "id": f"{voice.provider}/{voice.id}",
            **described(voice),
            "name": f"{voice.name} ({voice.provider})",
            "provider": voice.provider,
        }
        for voice in kept_voices(provider)
        if voice.provider != ALIAS
    ]
    return json_response({"voices": voices, "data": voices})


@blueprint.get("/v1/test")
def health_test() -> Response:
    """Answer that the server is there; clients ask without a token."""
    return json_response({"status": "ok"})


def model_names() -> list[str]:
    """Return the operator's aliases, each configured provider with its default model, and OpenAI's names."""
    aliases = [alias.name for alias in services().config.compat.model_aliases if g.caller.may_use(alias.provider)]
    slugs = usable_providers()
    defaults = [f"{slug}/{found}" for slug in slugs if (found := services().providers[slug].default_model)]
    return list(dict.fromkeys((*aliases, *slugs, *defaults, *OPENAI_MODELS)))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "sayna"}
