"""The request of one speech, as any endpoint makes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """A speech request as the client sent it; None and "" mean that the client left the field out.

    `prefers_envelope` is the answer form of a client whose Accept names none: JSON for flat, bytes for nested.
    """

    text: str | None
    voice: str | None = None
    provider: str | None = None
    voice_id: str | None = None
    model: str | None = None
    speaking_rate: float | None = None
    audio_format: str | None = None
    sample_rate: int | None = None
    silence_before_ms: int | None = None
    silence_after_ms: int | None = None
    # Only the operator's file of voices has a gain, in dB.
    gain_db: float = 0.0
    language: str | None = None
    # "ssml" for a document; "unwrapped" for one whose unknown elements are left out.
    markup: str | None = None
    voice_settings: Mapping[str, Any] = field(default_factory=dict)
    # The tenant whose lexicon counts beside the shared one; None for no tenant.
    tenant: str | None = None
    pronunciations: Sequence[tuple[str, str]] = ()
    connection_timeout: float | None = None
    request_timeout: float | None = None
    auth: Mapping[str, Any] | None = None
    prefers_envelope: bool = True
    ignored_fields: str = ""
