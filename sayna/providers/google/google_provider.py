"""Google Cloud Text-to-Speech: https://cloud.google.com/text-to-speech/docs/reference/rest .

Quirks: the answer is JSON with the audio in base64, so nothing streams; LINEAR16 comes with
a WAV header of any length; the limit of 5,000 is one of bytes; speed is 0.25-2.0. A voice without a
language in its name (Achernar) belongs to Gemini and needs a model.
"""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from sayna.errors import ProviderError, ProviderRejectedCredentials
from sayna.http import Deadline
from sayna.providers.audio_response import Label, spec_of
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.google import account
from sayna.providers.parsing import JsonObject, gender, leading_tag, mapping, text, texts

GEMINI_MODEL = "gemini-2.5-flash-tts"
# Base64 makes a third more of 64 MiB, the limit of audio elsewhere.
MAX_ANSWER_BYTES = 96 * 2**20
# https://cloud.google.com/text-to-speech/docs/audio-profiles
PROFILES = (
    *("wearable-class-device", "handset-class-device", "headphone-class-device"),
    *("small-bluetooth-speaker-class-device", "medium-bluetooth-speaker-class-device"),
    *("large-home-entertainment-class-device", "large-automotive-class-device"),
    "telephony-class-application",
)


class TokenRefused(ProviderError):
    """The access token has expired or was revoked; a new one may work."""


class Google(CloudProvider):
    """Google's voices, by a service account."""

    slug = "google"
    config_class = account.GoogleConfig
    facts = ProviderFacts("`GOOGLE_APPLICATION_CREDENTIALS`", "linear16 at the voice's rate", "when all is made")
    default_voice = "en-US-Neural2-F"
    default_language = "en-US"
    # LINEAR16 comes in a wav.
    audio_format = "wav"
    # The first is that of nearly all voices; Chirp and Neural2 have no other.
    sample_rates = (24000, 32000, 44100, 48000)
    # Google's client library 2.38 says that more is an error; older pages say 4.0.
    rates = (0.25, 2.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "pitch": SettingSpec(float, -20, 20),
        "volume_gain_db": SettingSpec(float, -96, 16),
        "effects_profile": SettingSpec(str, choices=PROFILES),
    }
    auth_fields = ("credentials",)
    max_bytes = 5000

    def __init__(self, config: account.GoogleConfig) -> None:
        super().__init__(config)
        self._access = account.GoogleAccess(config, self.json)

    def check_auth(self, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a request's own service account: an object, never a path."""
        super().check_auth({**auth, "credentials": "-"})
        account.check(auth["credentials"])
        return auth

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the voice and the model; without a voice, Google chooses one for the language."""
        if not voice_id and leading_tag(model):
            # Clients of the reference server may name the voice in `model`.
            return model, ""
        if voice_id and not leading_tag(voice_id):
            return voice_id, model or GEMINI_MODEL
        elsewhere = language.lower() not in ("", "en", self.default_language.lower())
        return voice_id or ("" if elsewhere else self.default_voice), model

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the tag that the name begins with: es-419 of es-419-Chirp3-HD-Kore; none for a voice of Gemini."""
        tag = leading_tag(voice_id)
        return (tag,) if tag else ()

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the whole audio."""
        answer = self._call(
            "POST",
            "/v1/text:synthesize",
            credentials=request.credentials,
            deadline=request.deadline,
            connect_seconds=request.connect_seconds,
            is_retried=request.is_retried,
            max_bytes=MAX_ANSWER_BYTES,
            body=_body(request),
        )
        audio = _audio(answer)
        return AudioStream(spec_of(audio, request.target, Label("")) or request.target, iter((audio,)))

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice."""
        answer = self._call("GET", "/v1/voices", deadline=deadline)
        return [_voice(item) for item in self.listed(answer, "voices") if text(item, "name")]

    def read_error(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind of an error; where tokens are made, `error` is a word instead of an object."""
        if isinstance(body.get("error"), str) and status in (400, 401):
            return ProviderRejectedCredentials
        return TokenRefused if status == 401 else None  # noqa: PLR2004

    def _call(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        connect_seconds: float | None = None,
        credentials: Mapping[str, Any] | None = None,
        **call: Any,
    ) -> Any:
        """Return the JSON of an answer; a token that Google refuses is replaced once."""
        own, refused = credentials is not None, ""
        timing: dict[str, Any] = {"deadline": deadline, "connect_seconds": connect_seconds}
        while True:
            headers = self._access.headers(credentials, refused=refused, **timing)
            try:
                return self.json(method, self.base_url + path, headers=headers, own=own, **timing, **call)
            except TokenRefused as error:
                if refused:
                    raise self.refused_key(own=own) from error
                refused = headers["Authorization"]


def _audio(answer: Any) -> bytes:
    try:
        audio = base64.b64decode(text(mapping(answer), "audioContent"), validate=True)
    except ValueError:
        audio = b""
    if not audio:
        raise ProviderError("google answered with something other than audio")
    return audio


def _body(request: SpeechRequest) -> dict[str, Any]:
    """Return the body of a synthesis; a language in the voice's name is the only one that the voice takes."""
    # Google requires it even when the name of the voice has it.
    voice = {"languageCode": leading_tag(request.voice_id) or request.language}
    if request.voice_id:
        voice["name"] = request.voice_id
    if request.model:
        voice["modelName"] = request.model
    # It comes with a WAV header, whose length varies: it is parsed, never cut at 44 bytes.
    audio: dict[str, Any] = {"audioEncoding": "LINEAR16", "sampleRateHertz": request.target.sample_rate}
    if request.speaking_rate != 1.0:
        audio["speakingRate"] = request.speaking_rate
    for name, wire_name in (("pitch", "pitch"), ("volume_gain_db", "volumeGainDb")):
        if name in request.settings:
            audio[wire_name] = request.settings[name]
    if "effects_profile" in request.settings:
        audio["effectsProfileId"] = [request.settings["effects_profile"]]
    return {"input": {"text": request.text}, "voice": voice, "audioConfig": audio}


def _voice(item: Mapping[str, Any]) -> Voice:
    """Return a voice of the list; its name is what follows the language: Wavenet D."""
    full = text(item, "name")
    tag = leading_tag(full)
    rate = item.get("naturalSampleRateHertz")
    return Voice(
        id=full,
        name=full[len(tag) + 1 :].replace("-", " ") if tag else full,
        provider=Google.slug,
        gender=gender(text(item, "ssmlGender")),
        languages=texts(item.get("languageCodes")),
        sample_rates=(rate,) if isinstance(rate, int) else (),
    )
