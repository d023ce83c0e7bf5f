"""The key of a sound: it names the text, the voice and its settings, and no audio format."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from sayna.providers.base import SynthesisParams, TTSProvider
from sayna.speech.cache import cache_key


def sound_key(
    speech: SynthesisParams,
    provider: TTSProvider,
    secret: bytes,
    *,
    pauses: Sequence[tuple[int, int]] = (),
    version: str | None = None,
) -> str:
    """Return the SHA-256, in hex, of every input that changes the sound; `version` is that of the voice."""
    fields: dict[str, Any] = {
        "provider": provider.slug,
        # Another server may have other voices under the same names.
        "base_url": provider.base_url,
        "text": speech.text,
        "voice_id": speech.voice_id,
        "model": speech.model,
        "language": speech.language,
        "speaking_rate": speech.speaking_rate,
        "settings": dict(speech.settings),
    }
    if pauses:
        fields["pauses"] = pauses
    if version is not None:
        fields["version"] = version
    if provider.sound_version:
        fields["sound_version"] = provider.sound_version
    if speech.credentials:
        credential = json.dumps(speech.credentials, sort_keys=True).encode()
        # Without the credentials, a caller with an invalid key could read audio that another caller paid for.
        # HMAC, because clients see the cache key as the ETag.
        fields["credential"] = hmac.new(secret, credential, hashlib.sha256).hexdigest()
    return cache_key(fields)
