"""The targets in the file of VOICES_PATH."""

from marshmallow import RAISE

from sayna.errors import InvalidRequest
from sayna.providers import ALIASES
from sayna.schemas.speak import VoiceSchema
from sayna.speech.own_voices import VoiceTarget

# Unknown fields are refused, otherwise a misspelt one would go unnoticed.
TARGET = VoiceSchema(
    only=("provider", "voice_id", "model", "language", "speaking_rate", "voice_settings"), unknown=RAISE
)


def load_target(entry: object) -> VoiceTarget:
    """Return one target; raises InvalidRequest."""
    if not isinstance(entry, dict) or not entry.get("provider"):
        raise InvalidRequest("it is not a mapping such as {provider: azure, voice_id: en-US-JennyNeural}")
    loaded = TARGET.parse(entry)
    slug = loaded.pop("provider").lower()
    return VoiceTarget(ALIASES.get(slug, slug), **loaded)
