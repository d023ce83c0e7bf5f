"""The pretend vendor of tests/providers/acme.py at the wire."""

from typing import ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from tests.providers.acme import Acme, AcmeConfig
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, checked_json, pairs

REFUSALS = {"bad": 401, "poor": 402}


class AcmeFake(VendorFake):
    """Acme with the keys `good`, `bad` (401), `poor` (402) and `busy` (429 once, then as good)."""

    slug = "acme"
    voice = "anna"
    natives = pairs(linear16=(8000,))
    labels: ClassVar = {"linear16": ("audio/l16;rate=8000",)}
    good_settings: ClassVar = {"mood": "merry"}
    bad_settings = ({"mood": "odd"}, {"speed": 2})
    hostile = ("../voices", "a b")

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0

    def provider(self, key: str | None = "good") -> Acme:
        """Return an adapter that asks this fake."""
        return Acme(AcmeConfig(api_key=Secret(key) if key else None, base_url=self.url))

    def misunderstood(self, reason: str) -> Answer:
        """Return Acme's 400."""
        return answers.as_json({"error": reason}, 400)

    def respond(self, hit: Hit) -> Answer:
        """Answer /say and /voices."""
        scheme, _, key = hit.headers["authorization"].partition(" ")
        assert scheme == "Bearer", "keys are bearer tokens"
        if key in REFUSALS:
            return answers.as_json({"error": "CANARY"}, REFUSALS[key])
        self.busy += key == "busy"
        if self.busy == 1:
            return answers.as_json({"error": "CANARY"}, 429)
        if (hit.method, hit.path) == ("GET", "/voices"):
            return answers.as_json({"voices": [{"id": "anna"}]})
        assert (hit.method, hit.path) == ("POST", "/say"), "no route matches"
        body = checked_json(hit, required={"text", "speed"}, optional={"mood"})
        assert 0.5 <= body["speed"] <= 2, "speed"
        return self.spoken(body["text"], AudioSpec("linear16", 8000), {})


Fake = AcmeFake
