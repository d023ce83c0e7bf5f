"""Deepgram Aura: https://developers.deepgram.com/reference/text-to-speech/speak-request

Quirks: the voice is the model (`aura-2-thalia-en`), and a `model` wins over a `voice_id`, as in the
reference server. MP3 exists only at 22,050 Hz and Opus only at 48,000 Hz. Everything but the text
travels in the query. Speed is 0.7-1.5.
"""

import json
import re
from typing import Any

from sayna.config import DeepgramConfig
from sayna.tts.base import AudioSpec, AudioStream, Deadline, Knob, SpeechRequest, Voice
from sayna.tts.vendor import CloudProvider, nearest_rate

NATIVE_RATES = {"mulaw": (8000, 16000), "alaw": (8000, 16000), "mp3": (22050,), "opus": (48000,)}
LINEAR16_RATES = (8000, 16000, 24000, 32000, 48000)


class Deepgram(CloudProvider):
    """Deepgram's Aura voices."""

    slug = "deepgram"
    default_voice = "aura-2-thalia-en"
    rates = (0.7, 1.5)
    knobs = {"mip_opt_out": Knob(bool)}
    max_chars = 2000

    def __init__(self, config: DeepgramConfig) -> None:
        super().__init__(base_url=config.base_url, api_key=config.api_key and config.api_key.reveal())

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the one name twice: a Deepgram voice is a model."""
        name = model or voice_id or self.default_voice
        return name, name

    def native(self, target: AudioSpec) -> AudioSpec:
        """Return the target itself where Aura speaks it, else linear16 at the nearest rate."""
        if target.sample_rate in NATIVE_RATES.get(target.audio_format, ()):
            return target
        return AudioSpec("linear16", nearest_rate(target.sample_rate, LINEAR16_RATES))

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return Aura's audio as it is made."""
        spec = self.native(request.target)
        params = {"model": request.model, "encoding": spec.audio_format}
        if spec.audio_format not in ("mp3", "opus"):
            params |= {"container": "none", "sample_rate": str(spec.sample_rate)}
        if request.speaking_rate != 1.0:
            params["speed"] = f"{request.speaking_rate:g}"
        params |= {name: json.dumps(value) for name, value in request.settings.items()}
        return self.audio(
            request,
            f"{self.base_url}/v1/speak",
            spec,
            params=params,
            headers=self._headers(self.key(request.credentials)),
            body=json.dumps({"text": request.text}, ensure_ascii=False).encode(),
        )

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every Aura voice that the key may use."""
        answer = self.json(
            f"{self.base_url}/v1/models",
            headers=self._headers(self.key(None)),
            deadline=deadline,
            connect_seconds=deadline.remaining(),
        )
        return [_voice(item) for item in answer.get("tts") or []]

    def language_of(self, voice_id: str) -> str:
        """Return the tag at the end of the name: `en` of aura-2-thalia-en."""
        found = re.fullmatch(r"aura-(?:2-)?[a-z]+-([a-z]{2})", voice_id)
        return found[1] if found else ""

    @staticmethod
    def _headers(key: str) -> dict[str, str]:
        return {"Authorization": f"Token {key}", "Content-Type": "application/json"}


def _voice(item: dict[str, Any]) -> Voice:
    told = item.get("metadata") or {}
    tags = tuple(str(tag) for tag in told.get("tags") or ())
    languages = tuple(item.get("languages") or ())
    return Voice(
        id=item["canonical_name"],
        name=item.get("name") or item["canonical_name"],
        provider="deepgram",
        sample=told.get("sample") or "",
        accent=told.get("accent") or "Unknown",
        gender="Male" if "masculine" in tags else "Female" if "feminine" in tags else "Unknown",
        language=languages[0] if languages else "Unknown",
        languages=languages,
        tags=tags,
    )
