"""Deepgram Aura: https://developers.deepgram.com/reference/text-to-speech/speak-request .

Quirks: the voice is the model (`aura-2-thalia-en`), and a `model` wins over a `voice_id`, as on the
reference server. Everything but the text travels in the query. Speed is 0.7-1.5. A text of more than
2000 characters is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.errors import ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import gender, mapping, text, texts

# One of Aura-2 for each language, all of them in https://developers.deepgram.com/docs/tts-models .
VOICES = {
    "en": "aura-2-thalia-en",
    "de": "aura-2-viktoria-de",
    "es": "aura-2-celeste-es",
    "fr": "aura-2-agathe-fr",
    "it": "aura-2-livia-it",
    "ja": "aura-2-izanami-ja",
    "nl": "aura-2-rhea-nl",
}


@dataclass(frozen=True, slots=True)
class DeepgramConfig(KeyedConfig):
    """The settings of Deepgram."""

    api_key: Secret | None = setting("DEEPGRAM_API_KEY", token, None, "API key of Deepgram.")
    base_url: str = setting("DEEPGRAM_BASE_URL", cloud, "https://api.deepgram.com", "Base URL of the Deepgram API.")


class Deepgram(CloudProvider):
    """Deepgram's Aura voices."""

    slug = "deepgram"
    config_class = DeepgramConfig
    facts = ProviderFacts("`DEEPGRAM_API_KEY`", "linear16 24 kHz, more when asked for")
    # A voice of Aura-2: a reseller has announced the end of Aura-1.
    default_voice = VOICES["en"]
    # The first is its default for linear16.
    sample_rates = (24000, 32000, 48000)
    rates = (0.7, 1.5)
    key_header = ("Authorization", "Token {}")
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {"mip_opt_out": SettingSpec(bool)}
    max_chars = 2000

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the one name twice: a Deepgram voice is a model."""
        tag = language.partition("-")[0] or "en"
        name = model or voice_id or VOICES.get(tag)
        if not name:
            raise ProviderRejectedRequest(
                f"deepgram speaks {', '.join(VOICES)}; send one of them as language, or a voice_id"
            )
        return name, name

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return Aura's audio as it is made."""
        url, headers = f"{self.base_url}/v1/speak", self.key_headers(request.credentials)
        return self.audio(request, url, params=_params(request), headers=headers, body={"text": request.text})

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every Aura voice that the key may use."""
        models = self.json("GET", f"{self.base_url}/v1/models", headers=self.key_headers(None), deadline=deadline)
        return [_voice(item) for item in self.listed(models, "tts") if text(item, "canonical_name")]

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the tag at the end of the name: `en` of aura-2-thalia-en."""
        found = re.fullmatch(r"aura-(?:2-)?[a-z]+-([a-z]{2})", voice_id)
        return (found[1],) if found else ()


def _params(request: SpeechRequest) -> dict[str, str]:
    # All are sent, because the default is unclear: one page of Deepgram says wav, the specification says mp3.
    rate = str(request.target.sample_rate)
    params = {"model": request.model, "encoding": "linear16", "container": "none", "sample_rate": rate}
    if request.speaking_rate != 1.0:
        params["speed"] = f"{request.speaking_rate:g}"
    return params | {name: json.dumps(value) for name, value in request.settings.items()}


def _voice(item: Mapping[str, Any]) -> Voice:
    metadata = mapping(item.get("metadata"))
    tags = texts(metadata.get("tags"))
    return Voice(
        id=text(item, "canonical_name"),
        name=text(item, "name", "canonical_name"),
        provider=Deepgram.slug,
        sample=text(metadata, "sample"),
        accent=text(metadata, "accent"),
        gender=gender(*tags),
        languages=texts(item.get("languages")),
        tags=tags,
    )
