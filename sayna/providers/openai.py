"""OpenAI and servers with its API: https://platform.openai.com/docs/api-reference/audio .

Quirks: the rate of the audio cannot be chosen. OpenAI's own PCM has 24,000 Hz; other servers use the rate of
their models, so Sayna requests WAV and reads the rate in its header. OpenAI lists no voices; others may,
in several shapes. An exhausted quota is a 429 like too many requests.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sayna.audio.spec import AudioSpec
from sayna.config import KeyedConfig, Secret, setting, token
from sayna.config.urls import anywhere
from sayna.errors import ProviderError, ProviderRejectedCredentials, ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers.audio_response import CONTAINER_LABELS
from sayna.providers.base import NAME_IN_BODY, AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import JsonObject, gender, mapping, text

BASE_URL = "https://api.openai.com/v1"
RATE = 24000
# OpenAI's SDK says that these models end on 2027-01-06; a request may name another.
MODEL, MODEL_ELSEWHERE = "gpt-4o-mini-tts", "tts-1"
VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
CUSTOM_VOICE = "voice_"
# https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md: the letters before the underscore.
KOKORO = re.compile(r"(?P<language>[abefhijpz])(?P<gender>[fm])_[a-z]+")
KOKORO_LANGUAGES = {
    "a": "en-US", "b": "en-GB", "e": "es", "f": "fr-FR", "h": "hi",
    "i": "it", "j": "ja", "p": "pt-BR", "z": "zh-CN",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenAIConfig(KeyedConfig):
    """The settings of OpenAI, or of a server with its audio API, which may need no key."""

    api_key: Secret | None = setting("OPENAI_API_KEY", token, None, "API key of OpenAI, or of a server with its API.")
    base_url: str = setting(
        "OPENAI_BASE_URL", anywhere, BASE_URL, "Base URL of the OpenAI audio API; http is allowed for your own server."
    )

    @property
    def configured(self) -> bool:
        """Whether there is a key, or a server other than OpenAI's own."""
        return self.api_key is not None or self.base_url != BASE_URL

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when OpenAI itself is named without a key."""
        # Other servers, such as Speaches, Kokoro-FastAPI and LocalAI, work without a key.
        if "//api.openai.com" in self.base_url.lower():
            yield from KeyedConfig.problems(self, given)


class OpenAI(CloudProvider):
    """OpenAI's voices, or those of the server at OPENAI_BASE_URL."""

    slug = "openai"
    config_class = OpenAIConfig
    facts = ProviderFacts(
        "`OPENAI_API_KEY`, or `OPENAI_BASE_URL`", "linear16 24 kHz, wav", remark=" and servers like it"
    )
    default_voice = "alloy"
    # The id travels in the JSON body. Servers have names in any script, 中文女, and paths of models,
    # FunAudioLLM/CosyVoice2-0.5B:alex; Kokoro mixes voices, af_bella(2)+af_sky(1).
    voice_pattern = NAME_IN_BODY
    # Models have owners: speaches-ai/Kokoro-82M.
    model_pattern = re.compile(r"[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._:/@-]{0,127}")
    # Gateways such as LiteLLM send every format as audio/mpeg (https://github.com/BerriAI/litellm/issues/4332).
    careless_labels = CONTAINER_LABELS
    is_rate_open = True
    sample_rates = (RATE,)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "instructions": SettingSpec(str),
        "response_format": SettingSpec(str, choices=("wav", "pcm")),
    }
    max_chars = 4096

    def __init__(self, config: OpenAIConfig) -> None:
        super().__init__(config)
        self._is_openai = urlsplit(config.base_url).hostname == "api.openai.com"
        # The header of a wav says the rate before the audio begins.
        self.audio_format = "linear16" if self._is_openai else "wav"

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the voice and the model; other servers with this API know at least the oldest model."""
        return voice_id or self.default_voice, model or (MODEL if self._is_openai else MODEL_ELSEWHERE)

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made; its header, or a rate in its label, replaces the rate in the spec."""
        if chosen := request.settings.get("response_format"):
            request = replace(request, target=AudioSpec("linear16" if chosen == "pcm" else "wav", RATE))
        url, headers = f"{self.base_url}/audio/speech", self._headers(request.credentials)
        return self.audio(request, url, headers=headers, body=self._body(request))

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return OpenAI's known voices, or what the server lists; one that lists none has an empty list."""
        if self._is_openai:
            return [Voice(id=name, name=name.title(), provider=self.slug) for name in VOICES]
        try:
            url, headers = f"{self.base_url}/audio/voices", self._headers(None)
            answer = self.json("GET", url, headers=headers, deadline=deadline)
        # A 404: OpenAI's API does not have this page.
        except ProviderRejectedRequest:
            return []
        if isinstance(answer, dict):
            answer = answer.get("voices", answer.get("data"))
        if not isinstance(answer, list):
            raise ProviderError("openai's server answered with something other than its voices")
        return [voice for item in answer if (voice := _voice(item))]

    def read_error(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind that `error.code` names where it is clearer than the status."""
        error = mapping(body.get("error"))
        # The status is 429, but a retry cannot help: the account has no credit.
        has_no_credit = "insufficient_quota" in (error.get("code"), error.get("type"))
        return ProviderRejectedCredentials if has_no_credit else None

    def _body(self, request: SpeechRequest) -> dict[str, Any]:
        custom = self._is_openai and request.voice_id.startswith(CUSTOM_VOICE)
        body: dict[str, Any] = {
            "model": request.model,
            "input": request.text,
            "voice": {"id": request.voice_id} if custom else request.voice_id,
            "response_format": "pcm" if request.target.audio_format == "linear16" else "wav",
        }
        if request.speaking_rate != 1.0:
            body["speed"] = request.speaking_rate
        if "instructions" in request.settings:
            body["instructions"] = request.settings["instructions"]
        return body

    def _headers(self, credentials: Mapping[str, Any] | None) -> dict[str, str]:
        # A server of the operator may need no key: then the header is left out.
        return self.key_headers(credentials) if credentials or self._api_key or self._is_openai else {}


def _voice(item: Any) -> Voice | None:
    """Return a voice of either shape, a name or an object; None for anything else."""
    fields = {"id": item} if isinstance(item, str) else mapping(item)
    voice_id = text(fields, "id", "voice_id", "name", "voice")
    if not voice_id:
        return None
    kokoro = KOKORO.fullmatch(voice_id)
    language = text(fields, "language", "lang", "locale")
    if kokoro and not language:
        language = KOKORO_LANGUAGES[kokoro["language"]]
    sex = {"f": "female", "m": "male"}[kokoro["gender"]] if kokoro else ""
    return Voice(
        id=voice_id,
        name=text(fields, "name", "id", "voice_id", "voice"),
        provider=OpenAI.slug,
        gender=gender(text(fields, "gender"), sex),
        language=language,
        description=text(fields, "description"),
    )
