"""ElevenLabs as far as Sayna talks to it: shared/reference/providers.md, section 2."""

import re
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.elevenlabs import ElevenLabs, ElevenLabsConfig
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, checked_json, pairs

CODECS = {"pcm": "linear16", "mp3": "mp3", "opus": "opus", "ulaw": "mulaw", "alaw": "alaw"}
FORMATS = re.compile(
    r"pcm_(8000|16000|22050|24000|32000|44100|48000)|mp3_22050_32|mp3_24000_48|mp3_44100_(32|64|96|128|192)"
    r"|opus_48000_(32|64|96|128|192)|ulaw_8000|alaw_8000"
)
PRO_FORMATS = ("pcm_44100", "pcm_48000")
# The page of the API says audio/mpeg for all.
LABELS = {
    "linear16": ("audio/mpeg", "application/octet-stream", "audio/basic", "audio/pcm"),
    "mp3": ("audio/mpeg", "application/octet-stream"),
    "opus": ("audio/mpeg", "audio/ogg", "audio/opus", "application/octet-stream"),
    "mulaw": ("audio/basic", "audio/mpeg", "application/octet-stream"),
    "alaw": ("audio/basic", "audio/mpeg", "application/octet-stream"),
}
OPTIONAL = {"voice_settings", "language_code", "seed", "apply_text_normalization", "previous_text"}
SETTINGS = {"stability": 1, "similarity_boost": 1, "style": 1, "speed": 1.2}
VOICES: list[dict[str, Any]] = [
    {
        "voice_id": "21m00Tcm4TlvDq8ikWAM",
        "name": "Rachel",
        "category": "premade",
        "labels": {
            "gender": "female",
            "accent": "american",
            "age": "young",
            "language": "en",
            "use_case": "narration",
        },
        "description": "A calm voice",
        "preview_url": "https://static.example/r.mp3",
        "verified_languages": [
            {
                "language": "en",
                "model_id": "eleven_v2",
                "accent": "american",
                "locale": "en-US",
                "preview_url": None,
            }
        ],
    },
    {
        "voice_id": "JBFqnCBsd6RMkjVDRZzb",
        "name": "George",
        "labels": {"gender": "male", "accent": "british"},
        "description": None,
        "preview_url": "https://static.example/g.mp3",
        "verified_languages": None,
    },
]


class ElevenLabsFake(VendorFake):
    """ElevenLabs with the keys `good`, `bad` (401), `poor` (401 quota) and `busy` (429 once)."""

    slug = "elevenlabs"
    labels = LABELS
    voice = "21m00Tcm4TlvDq8ikWAM"
    natives = pairs(linear16=(24000, 32000))
    good_settings: ClassVar = {"stability": 0.4, "style": 0, "use_speaker_boost": True, "seed": 7}
    bad_settings = (
        {"stability": 1.1},
        {"use_speaker_boost": 1},
        {"seed": 1.5},
        {"speed": 1},
        {"previous_text": "x"},
    )
    hostile = ("../../v1/user", "x?output_format=", "a/b", "a b", "a-b", "a.b", "a%2Fb", "ä", "x\n", "a" * 65)

    def __init__(self) -> None:
        super().__init__()
        self.voices: list[object] = list(VOICES)
        self.busy = 0
        self.is_pro = False

    def provider(self, key: str | None = "good") -> ElevenLabs:
        """Return an adapter that asks this fake."""
        return ElevenLabs(ElevenLabsConfig(api_key=Secret(key) if key else None, base_url=self.url))

    def misunderstood(self, reason: str) -> Answer:
        """Answer in ElevenLabs' present shape."""
        return _error(400, "invalid_parameters", reason)

    def respond(self, hit: Hit) -> Answer:
        """Answer the streaming synthesis and the second version of the catalogue."""
        if refused := self._refused(hit.headers["xi-api-key"]):
            return refused
        if (hit.method, hit.path) == ("GET", "/v2/voices"):
            return self._page(hit.params)
        found = re.fullmatch(r"/v1/text-to-speech/([A-Za-z0-9]{1,64})/stream", hit.path)
        assert hit.method == "POST", "there is no such page"
        assert found, "there is no such page"
        if found[1] not in {voice["voice_id"] for voice in VOICES}:
            return _error(404, "voice_not_found", "CANARY")
        assert set(hit.params) == {"output_format"}, "query"
        name = _known_format(hit.params["output_format"])
        if name in PRO_FORMATS and not self.is_pro:
            return _error(403, "output_format_not_allowed", "CANARY")
        codec, rate, *_ = name.split("_")
        spec = AudioSpec(CODECS[codec], int(rate))
        text = _checked(checked_json(hit, required={"text", "model_id"}, optional=OPTIONAL))
        return self.spoken(text, spec, {"request-id": "r"})

    def _refused(self, key: str) -> Answer | None:
        if key == "bad":
            return _error(401, "invalid_api_key", "CANARY")
        if key == "poor":
            return _error(401, "quota_exceeded", "CANARY")
        if key == "busy":
            self.busy += 1
            return _error(429, "too_many_concurrent_requests", "CANARY") if self.busy == 1 else None
        return None

    def _page(self, params: dict[str, str]) -> Answer:
        """Give one voice a page, so that reading them all takes as many calls."""
        assert set(params) <= {"page_size", "next_page_token"}, "query"
        assert 1 <= int(params["page_size"]) <= 100, "page_size"
        at = int(params.get("next_page_token", "page0").removeprefix("page"))
        more = at + 1 < len(self.voices)
        page = {"voices": self.voices[at : at + 1], "has_more": more, "total_count": len(self.voices)}
        return answers.as_json(page | {"next_page_token": f"page{at + 1}" if more else None})


def _known_format(name: str) -> str:
    assert FORMATS.fullmatch(name), "no such output_format"
    return name


def _checked(body: dict[str, object]) -> str:
    text, model, settings = body["text"], body["model_id"], body.get("voice_settings", {})
    assert isinstance(text, str), "text"
    assert text.strip(), "text"
    assert isinstance(model, str), "model_id"
    assert len(text) <= (5000 if model.startswith("eleven_v3") else 10000), "max_character_limit_exceeded"
    assert isinstance(settings, dict), "voice_settings"
    assert set(settings) <= {*SETTINGS, "use_speaker_boost"}, f"voice_settings: {settings}"
    for name, high in SETTINGS.items():
        assert (0.7 if name == "speed" else 0) <= settings.get(name, high) <= high, name
    assert "previous_text" not in body or not model.startswith("eleven_v3"), "unsupported_model"
    assert "language_code" not in body or "v2_5" in model or "v3" in model, "language_code"
    return text


def _error(status: int, code: str, message: str) -> Answer:
    detail = {"type": "error", "code": code, "status": code, "message": message, "request_id": "r"}
    return answers.as_json({"detail": detail}, status)


Fake = ElevenLabsFake
