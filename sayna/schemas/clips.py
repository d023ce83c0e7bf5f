"""Requests and responses of clip URLs, and the query of GET /say."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate

from sayna.audio.file_endings import ENDINGS
from sayna.errors import InvalidRequest
from sayna.schemas.base import StrictBoolean, StrictInteger, StrictSchema, StrictString
from sayna.schemas.recording import Count
from sayna.schemas.speak import FlatSpeakSchema
from sayna.speech.cache import Clip
from sayna.speech.clip_urls import MAX_RATE, MIN_RATE
from sayna.speech.clips import SignedClip
from sayna.speech.plan import SpeakRequest

DEFAULT_EXPIRY = 86400  # seconds
MIN_EXPIRY, MAX_EXPIRY = 60, 31536000
# A URL cannot say these, so a clip with them would sound otherwise than its request.
REFUSED = {
    "audio_format": "send ext instead",
    "auth": "clips use the credentials of the server",
    "pronunciations": "write the text as it is pronounced",
    "silence_after_ms": "a clip has no silence around it",
    "silence_before_ms": "a clip has no silence around it",
    "tts_config": "send its fields at top level",
    "voice_settings": "a clip has the settings of its voice",
}
_NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class MintRequest:
    """The speech, the ending of its URL, the seconds that it is valid (0 for ever), and whether to render it now."""

    speech: SpeakRequest
    ext: str
    expires_in: int
    render: bool


def _expiry(seconds: int) -> None:
    if seconds and not MIN_EXPIRY <= seconds <= MAX_EXPIRY:
        raise ValidationError(f"must be 0 for ever, or lie between {MIN_EXPIRY} and {MAX_EXPIRY}")


class ClipSchema(FlatSpeakSchema):
    """The flat form of POST /speak without what a URL cannot say."""

    refused: ClassVar = REFUSED

    class Meta(StrictSchema.Meta):
        """Leave out the fields that are refused."""

        exclude = tuple(REFUSED.keys() - {"tts_config"})

    ext = StrictString(load_default="wav")
    expires_in = StrictInteger(load_default=DEFAULT_EXPIRY, validate=_expiry)
    render = StrictBoolean(load_default=True)


class Decimal(fields.Float):
    """A number in a query string: digits and a point, nothing else."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        # float() takes " 1 ", 1_0, nan and digits of any script.
        if not _NUMBER.fullmatch(value):
            raise ValidationError("must be a number")
        return float(value)


class SaySchema(StrictSchema):
    """The query of GET /say."""

    text = StrictString()
    voice = StrictString()
    provider = StrictString()
    voice_id = StrictString()
    language = StrictString()
    model = StrictString()
    speed = Decimal(validate=validate.Range(MIN_RATE, MAX_RATE, error=f"must lie between {MIN_RATE} and {MAX_RATE}"))
    sample_rate = Count()


CLIP = ClipSchema()
SAY = SaySchema()


def load_clip(body: Mapping[str, Any]) -> MintRequest:
    """Return the body of POST /clips; raises InvalidRequest."""
    refused = [f"{name} ({why})" for name, why in REFUSED.items() if body.get(name) is not None]
    if refused:
        raise InvalidRequest(f"a clip takes no {', '.join(refused)}")
    loaded = CLIP.parse(body)
    ext, expires_in, render = loaded.pop("ext"), loaded.pop("expires_in"), loaded.pop("render")
    return MintRequest(SpeakRequest(text=loaded.pop("text", None), **loaded), ext, expires_in, render)


def load_say(query: Mapping[str, list[str]]) -> SpeakRequest:
    """Return the query of GET /say; raises InvalidRequest."""
    if twice := [name for name, values in query.items() if name in SAY.fields and len(values) > 1]:
        raise InvalidRequest(f"send {', '.join(sorted(twice))} once")
    loaded = SAY.parse({name: values[0] for name, values in query.items() if values[0]})
    return SpeakRequest(loaded.pop("text", None), speaking_rate=loaded.pop("speed", None), **loaded)


def dump_clip(signed: SignedClip, ext: str, base_url: str, clip: Clip | None) -> dict[str, Any]:
    """Return the response to POST /clips; `clip` is None while the audio is not rendered."""
    expires = None
    if signed.expires is not None:
        expires = datetime.datetime.fromtimestamp(signed.expires, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "url": base_url + signed.path,
        "path": signed.path,
        "expires_at": expires,
        "content_type": ENDINGS[ext].content_type,
        "audio_format": signed.plan.target.audio_format,
        "sample_rate": signed.plan.target.sample_rate,
        "size_bytes": len(clip.audio) if clip else None,
        "duration_ms": clip.info.duration_ms if clip else None,
    }
