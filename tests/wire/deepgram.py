"""Deepgram as far as Sayna talks to it: shared/reference/providers.md, section 1."""

import ssl
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.deepgram import Deepgram, DeepgramConfig
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, checked_json, pairs

# encoding -> container -> sample rates; None where a rate may not be named
COMBINATIONS: dict[str, dict[str, tuple[int, ...] | None]] = {
    "linear16": dict.fromkeys(("none", "wav"), (8000, 16000, 24000, 32000, 48000)),
    "mulaw": dict.fromkeys(("none", "wav"), (8000, 16000)),
    "alaw": dict.fromkeys(("none", "wav"), (8000, 16000)),
    "mp3": {"": None},
    "opus": {"": None, "ogg": None},
}
FIXED_RATES = {"mp3": 22050, "opus": 48000}
LABELS = {
    "linear16": ("audio/l16;rate={rate};channels=1", "audio/pcm", "audio/basic"),
    "mulaw": ("audio/l16", "audio/mulaw", "audio/basic;rate={rate}"),
    "alaw": ("audio/l16", "audio/alaw"),
    "mp3": ("audio/mpeg",),
    "opus": ("audio/ogg; codecs=opus", "audio/opus"),
}
OPTIONAL = {"container", "sample_rate", "speed", "mip_opt_out"}
MODELS: dict[str, Any] = {
    "stt": [{"name": "nova"}],
    "tts": [
        {
            "name": "thalia",
            "canonical_name": "aura-2-thalia-en",
            "architecture": "aura-2",
            "languages": ["en", "en-US"],
            "version": "2025-04-07.0",
            "uuid": "00000000-0000-0000-0000-000000000000",
            "metadata": {
                "accent": "American",
                "age": "Adult",
                "sample": "https://static.example/thalia.wav",
                "tags": ["feminine", "clear"],
                "use_cases": ["IVR"],
            },
        },
        {
            "name": "apollo",
            "canonical_name": "aura-2-apollo-en",
            "architecture": "aura-2",
            "languages": ["en"],
            "metadata": {
                "accent": "American",
                "sample": "https://static.example/apollo.wav",
                "tags": ["masculine"],
            },
        },
    ],
}


class DeepgramFake(VendorFake):
    """Deepgram with the keys `good`, `bad` (401), `poor` (402) and `busy` (429 once, then as good)."""

    slug = "deepgram"
    labels = LABELS
    voice = "aura-2-thalia-en"
    natives = pairs(linear16=(24000, 32000, 48000))
    good_settings: ClassVar = {"mip_opt_out": True}
    bad_settings = ({"mip_opt_out": "true"}, {"callback": "https://evil.example"})
    hostile = (
        "x&callback=https://evil.example",
        "../v1/listen",
        "a b",
        "a%2Fb",
        "ä",
        "x?y",
        "x\n",
        "-",
        "a" * 129,
    )

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.models: object = MODELS
        self.busy = 0

    def provider(self, key: str | None = "good") -> Deepgram:
        """Return an adapter that asks this fake."""
        return Deepgram(DeepgramConfig(api_key=Secret(key) if key else None, base_url=self.url))

    def misunderstood(self, reason: str) -> Answer:
        """Answer in Deepgram's legacy shape."""
        return answers.as_json({"err_code": "Bad Request", "err_msg": reason, "request_id": "r"}, 400)

    def respond(self, hit: Hit) -> Answer:
        """Answer /v1/speak and /v1/models."""
        if refused := self._refused(hit):
            return refused
        if (hit.method, hit.path) == ("GET", "/v1/models"):
            assert not hit.query, "models take no query"
            return answers.as_json(self.models)
        assert (hit.method, hit.path) == ("POST", "/v1/speak"), "there is no such page"
        text = checked_json(hit, required={"text"})["text"]
        assert isinstance(text, str), "the text is no string"
        assert text, "the text is empty"
        if len(text) > 2000:
            return answers.as_json({"category": "PAYLOAD_TOO_LARGE", "message": "too long"}, 413)
        spec = self._spec(hit.params)
        return self.spoken(text, spec, {"dg-request-id": "r", "dg-char-count": str(len(text))})

    def _refused(self, hit: Hit) -> Answer | None:
        scheme, _, key = hit.headers["authorization"].partition(" ")
        assert scheme == "Token", "keys are tokens"
        if key == "busy":
            self.busy += 1
            return answers.as_json({"err_code": "TOO_MANY_REQUESTS"}, 429) if self.busy == 1 else None
        refusals = {"bad": (401, "INVALID_AUTH"), "poor": (402, "ASR_PAYMENT_REQUIRED")}
        if key not in refusals:
            return None
        code, name = refusals[key]
        return answers.as_json({"err_code": name, "err_msg": "CANARY", "request_id": "r"}, code)

    def _spec(self, params: dict[str, str]) -> AudioSpec:
        assert {"model", "encoding"} <= set(params) <= {"model", "encoding"} | OPTIONAL, f"query: {params}"
        assert params["model"].startswith("aura-"), "no such model"
        encoding, rate = params["encoding"], params.get("sample_rate")
        rates = COMBINATIONS[encoding][params.get("container", "")]
        assert (rate is None) == (rates is None), "the rate is fixed, or must be named"
        assert rates is None or int(rate or 0) in rates, "unsupported rate"
        assert 0.7 <= float(params.get("speed", 1)) <= 1.5, "speed"
        assert params.get("mip_opt_out", "true") in ("true", "false"), "mip_opt_out"
        return AudioSpec(encoding, FIXED_RATES.get(encoding) or int(rate or 0))


Fake = DeepgramFake
