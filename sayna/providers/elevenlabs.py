"""ElevenLabs: https://elevenlabs.io/docs/api-reference/text-to-speech/stream .

Quirks: the voice is part of the path; speed is 0.7-1.2; PCM at 44,100 Hz and above needs a Pro plan, so
Sayna asks for it only when a request does; a quota that ran out is a 401 like a wrong key; only some models
take a language. The catalogue has ten voices a page unless asked for more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.errors import ProviderError, ProviderRateLimited, ProviderRejectedCredentials, ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import JsonObject, gender, mapping, mappings, text

BODY_SETTINGS = ("seed", "apply_text_normalization")
# Others ignore or refuse language_code: https://github.com/livekit/agents/pull/6197
MODELS_WITH_LANGUAGE = re.compile(r"eleven_(v3.*|(flash|turbo)_v2_5)")
# The other models take twice as much, or more: https://elevenlabs.io/docs/models
V3_CHARS = 5000
# The names of `status`, the older field, and of `code`; a quota that ran out is a 401 by its status.
ERRORS: Mapping[str, type[ProviderError]] = {
    "quota_exceeded": ProviderRejectedCredentials,
    "output_format_not_allowed": ProviderRejectedRequest,
    "too_many_concurrent_requests": ProviderRateLimited,
    "concurrent_limit_exceeded": ProviderRateLimited,
    "system_busy": ProviderRateLimited,
    "rate_limit_exceeded": ProviderRateLimited,
}
# The largest page; the default is ten.
PAGE_SIZE = 100
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class ElevenLabsConfig(KeyedConfig):
    """The settings of ElevenLabs."""

    api_key: Secret | None = setting("ELEVENLABS_API_KEY", token, None, "API key of ElevenLabs.")
    base_url: str = setting(
        "ELEVENLABS_BASE_URL", cloud, "https://api.elevenlabs.io", "Base URL of the ElevenLabs API."
    )


class ElevenLabs(CloudProvider):
    """ElevenLabs' voices, the account's own ones included."""

    slug = "elevenlabs"
    config_class = ElevenLabsConfig
    facts = ProviderFacts("`ELEVENLABS_API_KEY`", "linear16 24 kHz, more when asked for")
    # Rachel.
    default_voice = "21m00Tcm4TlvDq8ikWAM"
    # eleven_v3 takes half as much text and refuses fields that other models take.
    default_model = "eleven_multilingual_v2"
    # Its API page names this type for every output_format.
    careless_labels = frozenset({"audio/mpeg"})
    voice_pattern = re.compile(r"[A-Za-z0-9]{1,64}")
    # 44,100 Hz and more need a Pro plan, and the API does not say which plan a key has.
    sample_rates = (24000, 32000, 44100, 48000)
    rates = (0.7, 1.2)
    key_header = ("xi-api-key", "{}")
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "stability": SettingSpec(float, 0, 1),
        "similarity_boost": SettingSpec(float, 0, 1),
        "style": SettingSpec(float, 0, 1),
        "use_speaker_boost": SettingSpec(bool),
        "seed": SettingSpec(int, 0, 4294967295),
        "apply_text_normalization": SettingSpec(str, choices=("auto", "on", "off")),
    }
    # The flash and turbo models take 30,000 and more, but so much audio is beyond MAX_AUDIO_BYTES.
    max_chars = 10000

    def chars_at_once(self, model: str) -> int | None:
        """Return the limit of the model; eleven_v3 and its variants take half as much as the others."""
        return V3_CHARS if model.startswith("eleven_v3") else self.max_chars

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        # /stream sends the same audio sooner. quote() is a second defence behind voice_pattern: `../` would
        # lead to another endpoint.
        url = f"{self.base_url}/v1/text-to-speech/{quote(request.voice_id, safe='')}/stream"
        params = {"output_format": f"pcm_{request.target.sample_rate}"}
        headers = self.key_headers(request.credentials)
        return self.audio(request, url, params=params, headers=headers, body=_body(request))

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice of the account, all pages."""
        voices: list[Voice] = []
        params = {"page_size": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            url, headers = f"{self.base_url}/v2/voices", self.key_headers(None)
            page = self.json("GET", url, params=params, headers=headers, deadline=deadline)
            voices += [_voice(item) for item in self.listed(page, "voices") if text(item, "voice_id")]
            token = text(page, "next_page_token")
            if page.get("has_more") is not True or not token:
                break
            params["next_page_token"] = token
        return voices

    def read_error(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind that `detail` names, in its old field or its new one."""
        detail = mapping(body.get("detail"))
        return ERRORS.get(text(detail, "code")) or ERRORS.get(text(detail, "status"))


def _body(request: SpeechRequest) -> dict[str, Any]:
    voice_settings = {name: value for name, value in request.settings.items() if name not in BODY_SETTINGS}
    # A 1.0 would replace the speed that the voice itself has.
    if request.speaking_rate != 1.0:
        voice_settings["speed"] = request.speaking_rate
    body: dict[str, Any] = {"text": request.text, "model_id": request.model}
    body |= {name: request.settings[name] for name in BODY_SETTINGS if name in request.settings}
    if voice_settings:
        body["voice_settings"] = voice_settings
    if request.language and MODELS_WITH_LANGUAGE.fullmatch(request.model):
        body["language_code"] = request.language.partition("-")[0].lower()
    return body


def _voice(item: Mapping[str, Any]) -> Voice:
    labels = mapping(item.get("labels"))
    verified = mappings(item.get("verified_languages"))
    first = verified[0] if verified else {}
    return Voice(
        id=text(item, "voice_id"),
        name=text(item, "name", "voice_id"),
        provider=ElevenLabs.slug,
        sample=text(item, "preview_url"),
        accent=text(first, "accent") or text(labels, "accent"),
        gender=gender(text(labels, "gender", "sex", "voice_type")),
        language=text(first, "language") or text(labels, "language"),
        languages=tuple(text(entry, "locale", "language") for entry in verified),
        tags=(text(labels, "use_case"), text(labels, "age")),
        description=text(item, "description"),
    )
