"""Amazon Polly: https://docs.aws.amazon.com/polly/latest/dg/API_SynthesizeSpeech.html .

Quirks: throttling is a 400; the name of an error is in a header; PCM exists at 8,000 and 16,000 Hz
only; speed is SSML (20-200 %); a voice has some engines only, which the list of voices names; audio
ends after ten minutes without an error, so `max_chars` keeps texts shorter. boto3 finds the credentials
and signs; the calls have the deadlines, limits and retries of all other vendors.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from sayna.errors import InvalidProviderAuth, ProviderError, ProviderRejectedCredentials, ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers import ssml
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import JsonObject, gender, text, texts
from sayna.providers.polly.aws_account import ERROR_KINDS, AwsAccount, Credentials, PollyConfig

# In order of quality for the price; the generative engine follows a speaking rate only loosely.
ENGINES = ("neural", "generative", "long-form", "standard")
# A neural voice for each of the larger languages, by tag or by language alone.
VOICES = {
    "en": "Joanna", "en-GB": "Amy", "en-AU": "Olivia", "en-IN": "Kajal", "ar": "Hala", "da": "Sofie",
    "de": "Vicki", "es": "Lucia", "es-US": "Lupe", "es-MX": "Mia", "fi": "Suvi", "fr": "Lea",
    "fr-CA": "Gabrielle", "hi": "Kajal", "it": "Bianca", "ja": "Takumi", "ko": "Seoyeon", "nb": "Ida", "no": "Ida",
    "nl": "Laura", "pl": "Ola", "pt": "Ines", "pt-BR": "Camila", "sv": "Elin", "tr": "Burcu",
    "cmn": "Zhiyu", "zh": "Zhiyu",
}  # fmt: skip
# What LanguageCode may be, from the service model of botocore 1.44.5; other tags are not sent.
LANGUAGE_CODES = {
    "ar-AE", "arb", "ca-ES", "cmn-CN", "cs-CZ", "cy-GB", "da-DK", "de-AT", "de-CH",
    "de-DE", "en-AU", "en-GB", "en-GB-WLS", "en-IE", "en-IN", "en-NZ", "en-SG", "en-US",
    "en-ZA", "es-ES", "es-MX", "es-US", "fi-FI", "fr-BE", "fr-CA", "fr-FR", "hi-IN",
    "is-IS", "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-BE", "nl-NL", "pl-PL", "pt-BR",
    "pt-PT", "ro-RO", "ru-RU", "sv-SE", "tr-TR", "yue-CN",
}  # fmt: skip
# Polly's own codes for tags that Sayna writes as BCP 47 recommends.
OLDER_CODES = {"ar": "arb", "zh": "cmn-CN", "zh-CN": "cmn-CN"}
MAX_PAGES = 50
# The region of a request's own keys becomes part of a host name.
REGION = re.compile(r"[a-z]{2}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")
SESSION_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


class Polly(CloudProvider):
    """Amazon's voices; a model is an engine: standard, neural, long-form or generative."""

    slug = "polly"
    config_class = PollyConfig
    facts = ProviderFacts("`POLLY_ENABLED` and AWS keys", "mp3 24 kHz, more when asked for")
    default_voice = VOICES["en"]
    default_model = ENGINES[0]
    default_language = "en-US"
    voice_pattern = re.compile(r"[A-Za-z]{1,64}")
    model_pattern = re.compile("|".join(ENGINES))
    # Polly sells PCM at 8,000 and 16,000 Hz only, so mp3 is the best form of its voices.
    audio_format = "mp3"
    # The first is that of the neural voices.
    sample_rates = (24000, 44100, 48000)
    # prosody takes 20 to 200 %: https://docs.aws.amazon.com/polly/latest/dg/supportedtags.html
    rates = (0.25, 2.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {"volume_db": SettingSpec(float, -20, 6)}
    auth_fields = ("access_key_id", "secret_access_key", "session_token", "region")
    # Polly takes 3,000, but ends the audio at ten minutes without an error.
    max_chars = 1000

    def __init__(self, config: PollyConfig) -> None:
        super().__init__(config)
        self._account = AwsAccount(config)
        # By region: a voice has different engines in different regions.
        self._engines: dict[str, Mapping[str, tuple[str, ...]]] = {}

    def check_auth(self, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a request's own keys; session_token and region may be missing."""
        super().check_auth({"region": "-", **auth, "session_token": "-"})
        if "region" in auth and not REGION.fullmatch(auth["region"]):
            raise InvalidProviderAuth("auth.region must be an AWS region such as eu-central-1")
        token = auth.get("session_token", "-")
        if not isinstance(token, str) or not SESSION_TOKEN.fullmatch(token):
            raise InvalidProviderAuth("auth.session_token must be 1-4096 printable ASCII characters, without spaces")
        return auth

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the voice, else one for the language, and the engine unless only the catalogue knows it.

        Raises ProviderRejectedRequest for a language without a voice.
        """
        wanted = language or self.default_language
        voice = voice_id or VOICES.get(wanted) or VOICES.get(wanted.partition("-")[0].lower())
        if not voice:
            raise ProviderRejectedRequest("polly has no default voice for this language; name one of its voices")
        return voice, model or (self.default_model if voice in VOICES.values() else "")

    def language_of(self, voice_id: str) -> str:
        """Return the language of the default voice; that of others only the vendor knows."""
        return self.default_language if voice_id == self.default_voice else ""

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        engine = request.model or self._engine(request)
        body = json.dumps(_body(request, engine), ensure_ascii=False).encode()
        url = f"{self._account.base(request.credentials)}/v1/speech"
        headers = self._account.signed("POST", url, request.credentials, body)
        return self.audio(request, url, headers=headers, body=body)

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice of the region, all pages."""
        return [_voice(item) for item in self._catalogue(None, deadline)]

    def read_error(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind that AWS names; throttling, for instance, is a 400."""
        # The name decides, not the status: throttling is a 400, and so is an expired token.
        name = headers.get("x-amzn-errortype") or text(body, "__type", "code")
        # A namespace may precede the name and an address may follow it.
        return ERROR_KINDS.get(name.partition(":")[0].rpartition("#")[2])

    def _engine(self, request: SpeechRequest) -> str:
        """Return the best engine of a voice; an account that may not list voices gets the default."""
        region = self._account.region(request.credentials)
        if region not in self._engines:
            try:
                items = self._catalogue(request.credentials, request.deadline)
            except ProviderRejectedCredentials:
                return self.default_model
            self._engines[region] = {item["Id"]: texts(item.get("SupportedEngines")) for item in items}
        offered = self._engines[region].get(request.voice_id, ())
        return next((engine for engine in ENGINES if engine in offered), self.default_model)

    def _catalogue(self, credentials: Credentials, deadline: Deadline) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        address = url = f"{self._account.base(credentials)}/v1/voices"
        for _ in range(MAX_PAGES):
            headers = self._account.signed("GET", url, credentials)
            page = self.json("GET", url, headers=headers, own=credentials is not None, deadline=deadline)
            items += [item for item in self.listed(page, "Voices") if text(item, "Id")]
            if not (token := text(page, "NextToken")):
                break
            # The signature covers the query as it is sent; AWS does not read a plus sign as a space.
            url = f"{address}?{urlencode({'NextToken': token}, quote_via=quote, safe='')}"
        return items


def _body(request: SpeechRequest, engine: str) -> dict[str, Any]:
    body = {
        "VoiceId": request.voice_id,
        # Polly's own default is `standard`, which newer voices refuse.
        "Engine": engine,
        "OutputFormat": "mp3",
        # The API requires a string.
        "SampleRate": str(request.target.sample_rate),
        "Text": request.text,
    }
    prosody = {}
    if request.speaking_rate != 1.0:
        prosody["rate"] = f"{round(100 * request.speaking_rate)}%"
    if "volume_db" in request.settings:
        prosody["volume"] = f"{request.settings['volume_db']:+g}dB"
    if prosody:
        document = ssml.nested(("speak", {}), ("prosody", prosody), text=request.text)
        body |= {"TextType": "ssml", "Text": document.decode()}
    code = OLDER_CODES.get(request.language, request.language)
    if code in LANGUAGE_CODES:
        body["LanguageCode"] = code
    return body


def _voice(item: Mapping[str, Any]) -> Voice:
    codes = (text(item, "LanguageCode"), *texts(item.get("AdditionalLanguageCodes")))
    return Voice(
        id=text(item, "Id"),
        name=text(item, "Name", "Id"),
        provider=Polly.slug,
        gender=gender(text(item, "Gender")),
        # Welsh English has no tag of its own.
        languages=tuple(code.removesuffix("-WLS") for code in codes),
        tags=texts(item.get("SupportedEngines")),
    )
