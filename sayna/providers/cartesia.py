"""Cartesia Sonic: https://docs.cartesia.ai/api-reference/tts/bytes .

Quirks: each request names the version of the API; a voice is a UUID and has a language of its own, which
only the catalogue tells; speed is 0.6-1.5 and exists from sonic-3 on. Errors of this version are plain
text, those of later ones JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.http import Deadline
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import gender, mapping, mappings, text

# In this version voices are objects and errors are text.
VERSION = "2025-04-16"
PAGE_SIZE = 100
MAX_PAGES = 100
# Requests name voices, so a limit is needed.
MAX_LANGUAGES = 4096


@dataclass(frozen=True, slots=True)
class CartesiaConfig(KeyedConfig):
    """The settings of Cartesia."""

    api_key: Secret | None = setting("CARTESIA_API_KEY", token, None, "API key of Cartesia.")
    base_url: str = setting("CARTESIA_BASE_URL", cloud, "https://api.cartesia.ai", "Base URL of the Cartesia API.")


class Cartesia(CloudProvider):
    """Cartesia's voices, the account's own ones included."""

    slug = "cartesia"
    config_class = CartesiaConfig
    facts = ProviderFacts("`CARTESIA_API_KEY`", "linear16 44.1 kHz, 48 kHz when asked for")
    # Barbershop Man.
    default_voice = "a0e99841-438c-4a64-b679-ae501e7d6091"
    default_model = "sonic-3"
    voice_pattern = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
    # The first is Sonic's own: https://docs.cartesia.ai/api-reference/tts/bytes .
    sample_rates = (44100, 48000)
    rates = (0.6, 1.5)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "volume": SettingSpec(float, 0.5, 2),
        "emotion": SettingSpec(str, choices=("neutral", "angry", "excited", "content", "sad", "scared")),
    }
    # Cartesia publishes no limit; 2,000 characters are known to work.
    max_chars = 2000

    def __init__(self, config: CartesiaConfig) -> None:
        super().__init__(config)
        self._languages = {self.default_voice: "en"}

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        headers = self._headers(request.credentials)
        output = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": request.target.sample_rate}
        body = {
            "model_id": request.model,
            "transcript": request.text,
            # The form of this version; the newest takes the id alone.
            "voice": {"mode": "id", "id": request.voice_id},
            # A wrong language makes a German voice read English.
            "language": request.language.partition("-")[0].lower() or self._language(request, headers),
            "output_format": output,
        }
        generation = dict(request.settings)
        if request.speaking_rate != 1.0:
            generation["speed"] = request.speaking_rate
        if generation:
            body["generation_config"] = generation
        return self.audio(request, f"{self.base_url}/tts/bytes", headers=headers, body=body)

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice that the key may use, all pages."""
        voices: list[Voice] = []
        params = {"limit": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            url, headers = f"{self.base_url}/voices", self._headers(None)
            page = self.json("GET", url, params=params, headers=headers, deadline=deadline)
            # Without previews: a client cannot fetch them without the key.
            voices += [_voice(item) for item in self.listed(page, "data") if text(item, "id")]
            if page.get("has_more") is not True or not voices:
                break
            params["starting_after"] = voices[-1].id
        return voices

    def language_of(self, voice_id: str) -> str:
        """Return the language of the default voice; that of others only the vendor knows."""
        return "en" if voice_id == self.default_voice else ""

    def _language(self, request: SpeechRequest, headers: Mapping[str, str]) -> str:
        """Return the language of a voice; Cartesia is called once for each voice."""
        voice_id = request.voice_id.lower()
        if known := self._languages.get(voice_id):
            return known
        url = f"{self.base_url}/voices/{voice_id}"
        voice = self.json("GET", url, headers=headers, deadline=request.deadline, own=request.has_credentials)
        language = text(mapping(voice), "language") or "en"
        if len(self._languages) < MAX_LANGUAGES:
            self._languages[voice_id] = language
        return language

    def _headers(self, credentials: Mapping[str, Any] | None) -> dict[str, str]:
        return {**self.key_headers(credentials), "Cartesia-Version": VERSION}


def _voice(item: Mapping[str, Any]) -> Voice:
    return Voice(
        id=text(item, "id"),
        name=text(item, "name", "id"),
        provider=Cartesia.slug,
        accent=text(item, "accent"),
        gender=gender(text(item, "gender")),
        language=text(item, "language"),
        languages=tuple(text(each, "locale") for each in mappings(item.get("locales"))),
        description=text(item, "description"),
    )
