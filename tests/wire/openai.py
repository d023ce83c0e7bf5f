"""OpenAI, and servers like it, as far as Sayna talks to them: shared/reference/providers.md, section 6."""

from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.openai import OpenAI, OpenAIConfig
from tests.audio.sounds import sine, tone, written
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import PIECE, VendorFake, checked_json

# Gateways in front of other servers send every format as audio/mpeg; some send no type.
LABELS = {
    "wav": ("audio/mpeg", "audio/wav", "audio/x-wav", "", "application/octet-stream", "audio/pcm"),
    "linear16": ("audio/pcm;rate={rate}", "audio/L16; rate={rate}; channels=1"),
}
OPTIONAL = {"speed", "instructions"}
STREAMED = 0xFFFFFFFF
UNKNOWN_LENGTH = STREAMED.to_bytes(4, "little")


class OpenAIFake(VendorFake):
    """A server like OpenAI's with the keys `good`, `bad` (401), `poor` (429 quota), `busy` (429 once).

    It speaks at `rate` Hz, in a wav whose header does not know its length, as those that stream send it.
    """

    slug = "openai"
    voice = "alloy"
    natives = frozenset()
    beginning = written(sine(24000), AudioSpec("wav", 24000))[:100]
    needs_key = False
    is_rate_open = True
    labels = LABELS
    bare_catalogue = True
    odd_models = frozenset({"a/b"})
    odd_voices = frozenset({"x&y=z", "a/b", "a b", "x#y"})
    good_settings: ClassVar = {"instructions": 'Whisper, "softly" <now>.', "response_format": "wav"}
    bad_settings = ({"response_format": "aac"}, {"instructions": 1}, {"stream_format": "sse"}, {"speed": 2})
    hostile = ("../../etc/passwd", "a/../b", 'x"y', "a\\b", "<a>", "x?y", "x\n", "a\u200bb", "a" * 130)

    def __init__(self) -> None:
        super().__init__()
        self.rate = 24000
        self.voices: object = {"voices": ["alloy", {"id": "af_bella", "name": "Bella"}]}
        self.bodies: list[dict[str, Any]] = []
        self.busy = 0

    def provider(self, key: str | None = "good") -> OpenAI:
        """Return an adapter that asks this fake."""
        return OpenAI(OpenAIConfig(api_key=Secret(key) if key else None, base_url=f"{self.url}/v1"))

    def misunderstood(self, reason: str) -> Answer:
        """Answer in OpenAI's shape."""
        return _error(400, "invalid_value", reason)

    def respond(self, hit: Hit) -> Answer:
        """Answer the synthesis and the list."""
        assert not hit.query, "there is no query"
        if refused := self._refused(hit.headers.get("authorization", "Bearer good")):
            return refused
        if (hit.method, hit.path) == ("GET", "/v1/audio/voices"):
            return answers.as_json(self.voices) if self.voices else _error(404, "not_found", "CANARY")
        assert (hit.method, hit.path) == ("POST", "/v1/audio/speech"), "there is no such page"
        required = {"model", "input", "voice", "response_format"}
        body = checked_json(hit, required=required, optional=OPTIONAL)
        self.bodies.append(body)
        assert isinstance(body["model"], str), "model"
        assert isinstance(body["voice"], str), "voice"
        assert 0 < len(body["input"]) <= 4096, "input"
        assert 0.25 <= body.get("speed", 1) <= 4, "speed"
        assert isinstance(body.get("instructions", ""), str), "instructions"
        return self._audio(body["input"], body["response_format"])

    def _audio(self, text: str, name: str) -> Answer:
        if name == "pcm":
            return self.spoken(text, AudioSpec("linear16", self.rate), {"x-request-id": "r"})
        assert name == "wav", "response_format"
        audio = tone(AudioSpec("wav", self.rate), 0.3 + 0.03 * len(text))
        streamed = audio[:4] + UNKNOWN_LENGTH + audio[8:40] + UNKNOWN_LENGTH + audio[44:]
        self.remember(text, streamed, AudioSpec("wav", self.rate))
        pieces = [streamed[at : at + PIECE] for at in range(0, len(streamed), PIECE)]
        return answers.chunked(pieces, self.content_type(AudioSpec("wav", self.rate)), {"x-request-id": "r"})

    def _refused(self, authorization: str) -> Answer | None:
        scheme, _, key = authorization.partition(" ")
        assert scheme == "Bearer", "keys are bearers"
        if key == "bad":
            return _error(401, "invalid_api_key", "CANARY")
        if key == "poor":
            return _error(429, "insufficient_quota", "CANARY")
        if key == "busy":
            self.busy += 1
            return _error(429, "rate_limit_exceeded", "CANARY") if self.busy == 1 else None
        return None


def _error(status: int, code: str, message: str) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return answers.as_json({"error": error}, status)


Fake = OpenAIFake
