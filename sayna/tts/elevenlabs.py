"""ElevenLabs: https://elevenlabs.io/docs/api-reference/text-to-speech/stream

Quirks: the voice is part of the path; speed is 0.7-1.2; PCM at 44,100 Hz and above needs a Pro plan;
a quota that ran out is a 401 like a wrong key. The catalogue has ten voices a page unless asked for more.
"""

import json
import re
from typing import Any
from urllib.parse import quote

from sayna.config import ElevenLabsConfig
from sayna.errors import ProviderError, ProviderRateLimited
from sayna.tts.base import AudioSpec, AudioStream, Deadline, Knob, SpeechRequest, Voice
from sayna.tts.vendor import CloudProvider, nearest_rate

PCM_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
NATIVE = {
    ("mp3", 22050): "mp3_22050_32",
    ("mp3", 24000): "mp3_24000_48",
    ("mp3", 44100): "mp3_44100_128",
    ("opus", 48000): "opus_48000_64",
    ("mulaw", 8000): "ulaw_8000",
    ("alaw", 8000): "alaw_8000",
}
BODY_KNOBS = ("seed", "apply_text_normalization")
PAGE_SIZE = 100
MAX_PAGES = 50


class ElevenLabs(CloudProvider):
    """ElevenLabs' voices, the account's own ones included."""

    slug = "elevenlabs"
    default_voice = "21m00Tcm4TlvDq8ikWAM"
    default_model = "eleven_multilingual_v2"
    voice_pattern = re.compile(r"[A-Za-z0-9]{1,64}")
    rates = (0.7, 1.2)
    knobs = {
        "stability": Knob(float, 0, 1),
        "similarity_boost": Knob(float, 0, 1),
        "style": Knob(float, 0, 1),
        "use_speaker_boost": Knob(bool),
        "seed": Knob(int, 0, 4294967295),
        "apply_text_normalization": Knob(str, choices=("auto", "on", "off")),
    }
    max_chars = 10000

    def __init__(self, config: ElevenLabsConfig) -> None:
        super().__init__(base_url=config.base_url, api_key=config.api_key and config.api_key.reveal())

    def native(self, target: AudioSpec) -> AudioSpec:
        """Return the target itself where ElevenLabs makes it, else linear16 at its rate."""
        if (target.audio_format, target.sample_rate) in NATIVE:
            return target
        return AudioSpec("linear16", nearest_rate(target.sample_rate, PCM_RATES))

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        spec = self.native(request.target)
        wire_format = NATIVE.get((spec.audio_format, spec.sample_rate), f"pcm_{spec.sample_rate}")
        return self.audio(
            request,
            f"{self.base_url}/v1/text-to-speech/{quote(request.voice_id, safe='')}/stream",
            spec,
            params={"output_format": wire_format},
            headers=self._headers(self.key(request.credentials)),
            body=json.dumps(_body(request), ensure_ascii=False).encode(),
        )

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice of the account, all pages."""
        voices: list[Voice] = []
        params = {"page_size": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            page = self.json(
                f"{self.base_url}/v2/voices",
                params=params,
                headers=self._headers(self.key(None)),
                deadline=deadline,
                connect_seconds=deadline.remaining(),
            )
            voices += [_voice(item) for item in page.get("voices") or []]
            if not page.get("has_more") or not page.get("next_page_token"):
                break
            params["next_page_token"] = page["next_page_token"]
        return voices

    def read_error(self, status: int, body: bytes) -> type[ProviderError] | None:
        """Return the kind that `detail.status` or `detail.code` names, where it is clearer than the status."""
        if b"too_many_concurrent_requests" in body or b"system_busy" in body:
            return ProviderRateLimited
        return None

    @staticmethod
    def _headers(key: str) -> dict[str, str]:
        return {"xi-api-key": key, "Content-Type": "application/json"}


def _body(request: SpeechRequest) -> dict[str, Any]:
    voice_settings = {name: value for name, value in request.settings.items() if name not in BODY_KNOBS}
    if request.speaking_rate != 1.0:
        voice_settings["speed"] = request.speaking_rate
    body: dict[str, Any] = {"text": request.text, "model_id": request.model}
    body |= {name: request.settings[name] for name in BODY_KNOBS if name in request.settings}
    if voice_settings:
        body["voice_settings"] = voice_settings
    if request.language:
        body["language_code"] = request.language.partition("-")[0]
    return body


def _voice(item: dict[str, Any]) -> Voice:
    labels = {name: str(value or "").strip().lower() for name, value in (item.get("labels") or {}).items()}
    verified = item.get("verified_languages") or [{}]
    languages = tuple(entry.get("locale") or entry.get("language") or "" for entry in verified)
    return Voice(
        id=item["voice_id"],
        name=item.get("name") or item["voice_id"],
        provider="elevenlabs",
        sample=item.get("preview_url") or "",
        accent=verified[0].get("accent") or labels.get("accent") or "Unknown",
        gender={"male": "Male", "female": "Female", "neutral": "Neutral"}.get(labels.get("gender", ""), "Unknown"),
        language=verified[0].get("language") or labels.get("language") or "Unknown",
        languages=tuple(filter(None, languages)),
        tags=tuple(filter(None, (labels.get("use_case"), labels.get("age")))),
        description=item.get("description") or "",
    )
