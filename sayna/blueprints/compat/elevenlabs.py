"""ElevenLabs's speech API without its WebSockets: https://elevenlabs.io/docs/api-reference/text-to-speech/convert."""

import re
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from sayna.blueprints.compat.translation import (
    address_of,
    described,
    integer,
    is_configured,
    kept_voices,
    language_tag,
    named_model,
    named_voice,
    usable_providers,
)
from sayna.blueprints.context import current_request
from sayna.blueprints.responses import audio_response, json_response, planned, speech_of
from sayna.errors import InvalidRequest, UnknownProvider, UnsupportedFormat
from sayna.providers.base import Voice
from sayna.schemas.base import ignored_fields
from sayna.schemas.compat import ELEVENLABS_SPEECH
from sayna.speech.plan import SpeakRequest

blueprint = Blueprint("elevenlabs", __name__)

DEFAULT_FORMAT = "mp3_44100_128"
# A bit rate may follow; Sayna has one for each format.
OUTPUT_FORMAT = re.compile(
    r"(mp3)_(22050|24000|44100)_[0-9]{2,3}|(pcm|wav)_(8000|16000|22050|24000|32000|44100|48000)"
    r"|(ulaw|alaw)_(8000)|(opus)_(48000)_[0-9]{2,3}"
)
# Operations of ElevenLabs that are not here; a voice's name may hold slashes.
ELSEWHERE = re.compile(r".+/(with-timestamps|stream-input|multi-stream-input|stream/with-timestamps)", re.DOTALL)
MAX_PAGE = 100
DEFAULT_SETTINGS = {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True, "speed": 1.0}
SUBSCRIPTION = {"tier": "sayna", "status": "active", "character_count": 0, "character_limit": 10**9}


@blueprint.post("/v1/text-to-speech/<path:voice_id>")
@blueprint.post("/v1/text-to-speech/<path:voice_id>/stream")
def speech(voice_id: str) -> Response:
    """Answer with audio as it is made; the SDKs read both in chunks."""
    asked = current_request()
    if ELSEWHERE.fullmatch(voice_id):
        raise UnknownProvider("this operation is not here; use /v1/text-to-speech/{voice_id} or its /stream")
    output = asked.args.get("output_format") or DEFAULT_FORMAT
    ignored = partial(ignored_fields, ELEVENLABS_SPEECH)
    variant = (f"elevenlabs/{voice_id}", output)
    plan = planned(asked, variant, ignored, lambda body: _speak_request(body, voice_id, output))
    return audio_response(speech_of(asked, plan))


def _speak_request(body: dict[str, Any], voice_id: str, output: str) -> SpeakRequest:
    wanted = ELEVENLABS_SPEECH.parse(body)
    if (found := OUTPUT_FORMAT.fullmatch(output)) is None:
        raise UnsupportedFormat("output_format is unknown; send one such as mp3_44100_128, pcm_24000 or ulaw_8000")
    audio_format, rate = filter(None, found.groups())
    provider, model, voice = _chosen(voice_id, wanted.get("model_id", ""))
    settings = wanted.get("voice_settings", {})
    speed = settings.pop("speed", None)
    return SpeakRequest(
        text=wanted["text"],
        provider=provider,
        voice_id=voice,
        model=model,
        speaking_rate=speed,
        audio_format=audio_format,
        sample_rate=int(rate),
        language=wanted.get("language_code"),
        voice_settings=settings if provider == "elevenlabs" else {},
    )


def _chosen(voice_id: str, model_id: str) -> tuple[str, str, str]:
    """Return provider, model (may be empty) and voice; raises UnknownProvider."""
    of_voice, voice = named_voice(voice_id)
    of_model, model = named_model(model_id)
    slug = of_voice or of_model or ("elevenlabs" if is_configured("elevenlabs") else "")
    if not slug:
        raise UnknownProvider("no voice has this voice_id; send one of GET /v1/voices")
    # The models of ElevenLabs mean the default model of any other provider.
    return slug, model if slug == (of_model or "elevenlabs") else "", voice


@blueprint.get("/v1/voices")
def voices() -> Response:
    """Answer with every known voice."""
    return json_response({"voices": [_voice(voice) for voice in kept_voices()]})


@blueprint.get("/v2/voices")
def search() -> Response:
    """Answer with one page of the known voices that match; the token of a page is its offset."""
    size = integer(request.args, "page_size")
    begin = integer(request.args, "next_page_token") or 0
    if size is not None and not 1 <= size <= MAX_PAGE:
        raise InvalidRequest(f"page_size must lie between 1 and {MAX_PAGE}", field="page_size")
    end = begin + (size or 10)
    words = request.args.get("search", "").lower()
    found = [voice for voice in kept_voices() if words in f"{voice.name} {_address(voice)} {voice.language}".lower()]
    has_more = len(found) > end
    return json_response(
        {
            "voices": [_voice(voice) for voice in found[begin:end]],
            "has_more": has_more,
            "total_count": len(found),
            "next_page_token": str(end) if has_more else None,
        }
    )


@blueprint.get("/v1/voices/settings/default")
def default_settings() -> Response:
    """Answer with ElevenLabs's own defaults."""
    return json_response(DEFAULT_SETTINGS)


@blueprint.get("/v1/voices/<path:voice_id>")
def voice_details(voice_id: str) -> Response:
    """Answer with one known voice; raises UnknownProvider."""
    slug, name = named_voice(voice_id)
    for voice in kept_voices(slug or "elevenlabs"):
        if voice.id == name:
            return json_response(_voice(voice))
    raise UnknownProvider("no voice has this voice_id; send one of GET /v1/voices")


@blueprint.get("/v1/user")
def user() -> Response:
    """Answer with a user whose characters do not end, because some clients look at them first."""
    return json_response({"user_id": "sayna", "subscription": SUBSCRIPTION, "is_new_user": False})


@blueprint.get("/v1/user/subscription")
def subscription() -> Response:
    """Answer with a subscription whose characters do not end."""
    return json_response(SUBSCRIPTION)


# Where both dialects are there, this path is OpenAI's, whose view answers the clients of ElevenLabs with this one.
@blueprint.get("/v1/models")
def models() -> Response:
    """Answer with the configured providers as models."""
    listed = []
    for slug in usable_providers():
        tags = sorted({language_tag(voice) for voice in kept_voices(slug)} - {""})
        languages = [{"language_id": tag, "name": tag} for tag in tags]
        listed.append({"model_id": slug, "name": slug, "can_do_text_to_speech": True, "languages": languages})
    return json_response(listed)


def _voice(voice: Voice) -> dict[str, Any]:
    about = described(voice)
    return {
        "voice_id": _address(voice),
        "name": about.pop("name"),
        "category": "premade",
        "labels": about,
        "description": voice.description or None,
        "preview_url": voice.sample or None,
        "settings": None,
    }


def _address(voice: Voice) -> str:
    return voice.id if voice.provider == "elevenlabs" else address_of(voice)
