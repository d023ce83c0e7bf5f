"""Azure Speech: https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech .

Quirks: the request is SSML; a 400 has no body; audio ends after ten minutes without an error, so
`max_chars` keeps texts shorter; speed is 0.5-2.0. Only multilingual voices change the language that
their name begins with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.config.types import matching
from sayna.errors import InvalidProviderAuth
from sayna.http import Deadline
from sayna.providers import ssml
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import gender, leading_tag, text, texts

HOST = "https://{region}.tts.speech.microsoft.com"
# The region becomes part of a host name: `10.0.0.5:8443/x?` would lead to any server.
REGION = re.compile(r"[a-z0-9]{2,32}")
# Each voice has some of these styles and roles:
# https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-voice
STYLES = (
    *("advertisement_upbeat", "affectionate", "angry", "assistant", "calm", "chat", "chat-casual"),
    *("cheerful", "conversation", "customerservice", "depressed", "disgruntled", "documentary-narration"),
    *("embarrassed", "empathetic", "encouraging", "envious", "excited", "fearful", "friendly", "gentle"),
    *("hopeful", "livecommercial", "lyrical", "narration-professional", "narration-relaxed", "newscast"),
    *("newscast-casual", "newscast-formal", "poetry-reading", "sad", "serious", "shouting"),
    *("sports_commentary", "sports_commentary_excited", "story", "terrified", "unfriendly", "whispering"),
)
ROLES = (
    *("Girl", "Boy", "YoungAdultFemale", "YoungAdultMale"),
    *("OlderAdultFemale", "OlderAdultMale", "SeniorFemale", "SeniorMale"),
)


@dataclass(frozen=True, slots=True)
class AzureConfig(KeyedConfig):
    """The settings of Azure Speech; the URL follows the region unless it is set."""

    api_key: Secret | None = setting("AZURE_SPEECH_SUBSCRIPTION_KEY", token, None, "Key of the Azure Speech resource.")
    region: str = setting(
        "AZURE_SPEECH_REGION",
        matching(REGION.pattern, "a region such as eastus"),
        "eastus",
        "Region of the Azure Speech resource.",
    )
    base_url_setting: str | None = setting(
        "AZURE_SPEECH_BASE_URL", cloud, None, "Base URL of the Azure Speech API.", shown=HOST
    )

    @property
    def base_url(self) -> str:
        """The URL that was set, else the one of the region."""
        return self.base_url_setting or HOST.format(region=self.region)


MULTILINGUAL = re.compile("Multilingual|DragonHD")


class Azure(CloudProvider):
    """Azure's neural voices, of the region of the key."""

    slug = "azure"
    aliases = ("microsoft-azure",)
    config_class = AzureConfig
    facts = ProviderFacts("`AZURE_SPEECH_SUBSCRIPTION_KEY`", "linear16 48 kHz")
    default_voice = "en-US-AvaMultilingualNeural"
    default_language = "en-US"
    # Some names have a colon: en-US-Andrew:DragonHDLatestNeural.
    voice_pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")
    # That of the present voices, and Azure's highest.
    sample_rates = (48000,)
    # https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-voice
    rates = (0.5, 2.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "style": SettingSpec(str, choices=STYLES),
        "styledegree": SettingSpec(float, 0.01, 2),
        "role": SettingSpec(str, choices=ROLES),
        "pitch": SettingSpec(float, -50, 50),
        "volume": SettingSpec(float, 0, 100),
    }
    key_header = ("Ocp-Apim-Subscription-Key", "{}")
    auth_fields = ("api_key", "region")
    # Azure limits the time, not the text: 1,000 characters stay below ten minutes in any language, at any speed.
    max_chars = 1000

    def __init__(self, config: AzureConfig) -> None:
        super().__init__(config)
        self._base_url_is_set = config.base_url_setting is not None

    def check_auth(self, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the credentials; the region becomes part of a host name, so it may hold nothing else."""
        super().check_auth(auth)
        if not REGION.fullmatch(auth["region"]):
            raise InvalidProviderAuth("auth.region must be a region such as eastus: 2-32 small letters and digits")
        return auth

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the voice; clients of the reference server may name it in `model`, because Azure has no models."""
        return voice_id or model or self.default_voice, ""

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        headers = {
            **self.key_headers(request.credentials),
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": "raw-48khz-16bit-mono-pcm",
        }
        base_url = self.base_url
        # A base URL that the operator set also serves requests with their own region.
        if request.credentials and not self._base_url_is_set:
            base_url = HOST.format(region=request.credentials["region"])
        url = f"{base_url}/cognitiveservices/v1"
        return self.audio(request, url, headers=headers, body=_document(request))

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice of the region."""
        url = f"{self.base_url}/cognitiveservices/voices/list"
        answer = self.json("GET", url, headers=self.key_headers(None), deadline=deadline)
        return [_voice(item) for item in self.listed(answer) if text(item, "ShortName")]

    def language_of(self, voice_id: str) -> str:
        """Return the locale that the name begins with: sr-Latn-RS of sr-Latn-RS-NicholasNeural."""
        return leading_tag(voice_id) or self.default_language

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the locale in the name, none for a multilingual voice."""
        locale = leading_tag(voice_id)
        return () if not locale or MULTILINGUAL.search(voice_id) else (locale,)


def _document(request: SpeechRequest) -> bytes:
    spoken = leading_tag(request.voice_id) or request.language
    namespaces = {
        "version": "1.0",
        "xmlns": "http://www.w3.org/2001/10/synthesis",
        "xmlns:mstts": "https://www.w3.org/2001/mstts",
        "xml:lang": spoken,
    }
    known = request.settings
    expression = {name: str(known[name]) for name in ("style", "styledegree", "role") if name in known}
    elements = [("speak", namespaces), ("voice", {"name": request.voice_id})]
    if expression:
        elements.append(("mstts:express-as", expression))
    if prosody := _prosody(request):
        elements.append(("prosody", prosody))
    if "Multilingual" in request.voice_id and request.language != spoken:
        elements.append(("lang", {"xml:lang": request.language}))
    # A tree, not a format string: a voice's name must not close its attribute and add an <audio src>.
    return ssml.nested(*elements, text=request.text)


def _prosody(request: SpeechRequest) -> dict[str, str]:
    prosody = {}
    if request.speaking_rate != 1.0:
        # A number without a sign is a multiplier; "150%" would mean 2.5 times.
        prosody["rate"] = f"{request.speaking_rate:g}"
    if "pitch" in request.settings:
        prosody["pitch"] = f"{request.settings['pitch']:+g}%"
    if "volume" in request.settings:
        prosody["volume"] = f"{request.settings['volume']:g}"
    return prosody


def _voice(item: Mapping[str, Any]) -> Voice:
    rate = text(item, "SampleRateHertz")
    # The accent is the region in the name of the locale: "Serbian (Latin, Serbia)".
    _, _, region = text(item, "LocaleName").partition(" (")
    return Voice(
        id=text(item, "ShortName"),
        name=text(item, "DisplayName", "LocalName", "ShortName"),
        provider=Azure.slug,
        accent=region.rstrip(")"),
        gender=gender(text(item, "Gender")),
        languages=(text(item, "Locale"), *texts(item.get("SecondaryLocaleList"))),
        sample_rates=(int(rate),) if rate.isdecimal() else (),
        tags=texts(item.get("StyleList")),
    )
