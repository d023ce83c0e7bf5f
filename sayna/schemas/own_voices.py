"""The targets in the file of VOICES_PATH."""

from marshmallow import RAISE, validate

from sayna.errors import InvalidRequest
from sayna.providers import ALIASES
from sayna.schemas.base import StrictFloat
from sayna.schemas.speak import VoiceSchema
from sayna.speech.own_voices import VoiceTarget


class TargetSchema(VoiceSchema):
    """A target: the fields that choose a voice, and its loudness."""

    gain_db = StrictFloat(validate=validate.Range(-20, 20, error="must lie between -20 and 20"))


# Unknown fields are refused, otherwise a misspelt one would go unnoticed.
TARGET = TargetSchema(
    only=("provider", "voice_id", "model", "language", "speaking_rate", "gain_db", "voice_settings"), unknown=RAISE
)


def load_target(entry: object) -> VoiceTarget:
    """Return one target; raises InvalidRequest."""
    if not isinstance(entry, dict) or not entry.get("provider"):
        raise InvalidRequest("it is not a mapping such as {provider: azure, voice_id: en-US-JennyNeural}")
    loaded = TARGET.parse(entry)
    slug = loaded.pop("provider").lower()
    return VoiceTarget(ALIASES.get(slug, slug), **loaded)
