"""Cartesia as far as Sayna talks to it: shared/reference/providers.md, section 5."""

import re
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.cartesia import Cartesia, CartesiaConfig
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, checked_json, pairs

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RATES = (8000, 16000, 22050, 24000, 44100, 48000)
ENCODINGS = {"pcm_s16le": "linear16", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw"}
LABELS = {
    "linear16": ("audio/pcm;rate={rate}", "audio/pcm", "application/octet-stream"),
    "mulaw": ("audio/basic;rate={rate}", "application/octet-stream"),
    "alaw": ("audio/x-alaw", "audio/basic", "application/octet-stream"),
    "mp3": ("audio/mpeg", "application/octet-stream"),
}
KLARA = "b9de4a89-2257-424b-94c2-db18ba68c81a"
VOICES: list[dict[str, Any]] = [
    {
        "id": "a0e99841-438c-4a64-b679-ae501e7d6091",
        "name": "Barbershop Man",
        "description": "A man who knows everybody",
        "tagline": "",
        "language": "en",
        "country": "US",
        "locales": [{"locale": "en-US", "is_native": True}],
        "accent": None,
        "gender": "masculine",
        "is_owner": False,
        "access": "public",
        "created_at": "2024-01-01T00:00:00Z",
        "preview_file_url": None,
    },
    {"id": KLARA, "name": "Klara", "language": "de", "gender": "feminine", "description": None},
    {
        "id": "00000000-0000-4000-8000-000000000000",
        "name": None,
        "language": None,
        "gender": "gender_neutral",
    },
]


class CartesiaFake(VendorFake):
    """Cartesia with the keys `good`, `bad` (401), `poor` (402) and `busy` (429 once).

    Errors come as plain text, or as JSON when `modern` is set.
    """

    slug = "cartesia"
    labels = LABELS
    voice = "a0e99841-438c-4a64-b679-ae501e7d6091"
    natives = pairs(linear16=(44100, 48000))
    good_settings: ClassVar = {"volume": 1.5, "emotion": "content"}
    bad_settings = ({"volume": 3}, {"emotion": 1}, {"speed": 1}, {"save": True})
    hostile = (
        "aura-asteria-en",
        "../voices",
        "a b",
        "x?y",
        "{}",
        "ä",
        "a0e99841-438c-4a64-b679-ae501e7d6091\n",
    )

    def __init__(self) -> None:
        super().__init__()
        self.voices: list[dict[str, Any]] = list(VOICES)
        self.modern = False
        self.busy = 0
        self.languages: list[str] = []

    def provider(self, key: str | None = "good") -> Cartesia:
        """Return an adapter that asks this fake."""
        return Cartesia(CartesiaConfig(api_key=Secret(key) if key else None, base_url=self.url))

    def misunderstood(self, reason: str) -> Answer:
        """Answer in the shape of the version."""
        return self._error(400, "Invalid request", reason)

    def respond(self, hit: Hit) -> Answer:
        """Answer the synthesis, the list and single voices."""
        scheme, _, key = hit.headers["authorization"].partition(" ")
        assert scheme == "Bearer", "keys are bearers"
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", hit.headers["cartesia-version"]), "version"
        if refused := self._refused(key):
            return refused
        if hit.method == "GET":
            return self._catalogue(hit)
        assert (hit.method, hit.path, hit.query) == ("POST", "/tts/bytes", ""), "there is no such page"
        return self._bytes(hit)

    def _refused(self, key: str) -> Answer | None:
        if key in ("bad", "poor"):
            return self._error({"bad": 401, "poor": 402}[key], "Refused", "CANARY")
        if key == "busy":
            self.busy += 1
            return self._error(429, "Too many", "CANARY") if self.busy == 1 else None
        return None

    def _catalogue(self, hit: Hit) -> Answer:
        if found := re.fullmatch(r"/voices/(.+)", hit.path):
            assert UUID.fullmatch(found[1]), "a voice is a UUID"
            voice = next((voice for voice in self.voices if voice["id"] == found[1]), None)
            return answers.as_json(voice) if voice else self._error(404, "Voice not found", "CANARY")
        assert hit.path == "/voices", "there is no such page"
        assert set(hit.params) <= {"limit", "starting_after"}, "query"
        assert 1 <= int(hit.params["limit"]) <= 100, "limit"
        ids = [voice["id"] for voice in self.voices]
        at = ids.index(hit.params["starting_after"]) + 1 if "starting_after" in hit.params else 0
        page = {"data": self.voices[at : at + 1], "has_more": at + 1 < len(ids), "next_page": None}
        return answers.as_json(page)

    def _bytes(self, hit: Hit) -> Answer:
        required = {"model_id", "transcript", "voice", "output_format", "language"}
        body = checked_json(hit, required=required, optional={"generation_config"})
        voice, text = body["voice"], body["transcript"]
        assert set(voice) == {"mode", "id"}, "voice"
        assert voice["mode"] == "id", "mode"
        assert UUID.fullmatch(voice["id"]), "a voice is a UUID"
        assert body["model_id"].startswith("sonic"), "model_id"
        assert re.fullmatch("[a-z]{2}", body["language"]), "language"
        assert text.strip(), "transcript"
        _check_generation(body.get("generation_config", {"speed": 1}))
        if voice["id"] not in {each["id"] for each in self.voices}:
            return self._error(404, "Voice not found", "CANARY")
        self.languages.append(body["language"])
        spec = _spec(body["output_format"])
        return self.spoken(text, spec, {})

    def _error(self, status: int, title: str, message: str) -> Answer:
        if self.modern:
            body = {"error_code": None, "title": title, "message": message, "request_id": "r", "doc_url": ""}
            return answers.as_json(body, status)
        return answers.status(status, f"{title}: {message}".encode())


def _spec(given: dict[str, Any]) -> AudioSpec:
    if given["container"] == "mp3":
        assert set(given) == {"container", "sample_rate", "bit_rate"}, "output_format"
        assert given["bit_rate"] in (32000, 64000, 96000, 128000, 192000), "bit_rate"
        name = "mp3"
    else:
        assert set(given) == {"container", "encoding", "sample_rate"}, "output_format"
        assert given["container"] == "raw", "container"
        name = ENCODINGS[given["encoding"]]
    assert given["sample_rate"] in RATES, "sample_rate"
    return AudioSpec(name, given["sample_rate"])


def _check_generation(given: dict[str, Any]) -> None:
    assert given, "generation_config"
    assert set(given) <= {"speed", "volume", "emotion"}, f"generation_config: {given}"
    assert 0.6 <= given.get("speed", 1) <= 1.5, "speed"
    assert 0.5 <= given.get("volume", 1) <= 2, "volume"
    assert isinstance(given.get("emotion", ""), str), "emotion"


Fake = CartesiaFake
