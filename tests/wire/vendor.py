"""What the fakes of vendors share: they refuse what the vendor refuses, and fail the test for it."""

import json
import ssl
from collections.abc import Mapping, Set
from types import TracebackType
from typing import Any, ClassVar

from sayna.audio import convert
from sayna.audio.spec import AudioSpec
from sayna.providers.cloud import CloudProvider
from tests.audio.sounds import tone
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer, FaultServer

PIECE = 4096


class VendorFake(FaultServer):
    """A vendor with the keys `good`, `bad`, `poor` and whatever a vendor adds; speaks in sines of 440 Hz.

    `texts` are what was spoken, `sent` the audio of each, byte for byte, and `specs` what that is. What the
    real vendor would not understand goes to `complaints` and fails the test when the fake is closed, unless
    it was taken out.
    The class variables are what the contract suite must know: a voice, the (format, rate) pairs that pass
    unchanged, voice settings to accept and to refuse, and names that must never reach the vendor.
    """

    slug: ClassVar[str]
    voice: ClassVar[str]
    natives: ClassVar[frozenset[tuple[str, int]]]
    good_settings: ClassVar[dict[str, Any]]
    bad_settings: ClassVar[tuple[dict[str, Any], ...]]
    hostile: ClassVar[tuple[str, ...]]
    # Where vendors differ: whether they stream, need a key, list voices in a bare array; how settings are
    # called on the wire; models with odd names; how audio begins; failures that take another number of calls.
    streams: ClassVar[bool] = True
    needs_key: ClassVar[bool] = True
    bare_catalogue: ClassVar[bool] = False
    is_rate_open: ClassVar[bool] = False
    on_wire: ClassVar[Mapping[str, str]] = {}
    odd_models: ClassVar[frozenset[str]] = frozenset()
    # Names that are refused elsewhere, because there they go into a path, a query or SSML.
    odd_voices: ClassVar[frozenset[str]] = frozenset()
    beginning: ClassVar[bytes] = bytes(100)
    calls: ClassVar[Mapping[str, int]] = {}
    # By format, every Content-Type that the vendor is known to send, the loosest first; `label` chooses one.
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.texts: list[str] = []
        self.sent: list[bytes] = []
        self.specs: list[AudioSpec] = []
        self.complaints: list[str] = []
        self.label = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None:
            assert self.complaints == [], self.complaints

    def answer(self, hit: Hit) -> Answer:
        """Answer as the vendor does; an assertion that fails on the way is a complaint."""
        try:
            return self.respond(hit)
        except (AssertionError, ValueError, KeyError) as error:
            self.complaints.append(f"{type(error).__name__}: {error} in {hit}")
            return self.misunderstood(str(error))

    def provider(self, key: str | None = "good") -> CloudProvider:
        """Return an adapter that asks this fake, with the server's own key or without one."""
        raise NotImplementedError

    def credentials(self, key: str) -> dict[str, Any]:
        """Return what the `auth` of a request with its own key holds."""
        return {"api_key": key}

    def delivered(self, target: AudioSpec) -> bytes:
        """Return what a caller must get of the first audio sent, in the format asked for."""
        return b"".join(convert(iter(self.sent[:1]), self.specs[0], target))

    def respond(self, hit: Hit) -> Answer:
        """Check everything about a request, and answer it."""
        raise NotImplementedError

    def misunderstood(self, reason: str) -> Answer:
        """Return the vendor's own 400."""
        raise NotImplementedError

    def content_type(self, spec: AudioSpec) -> str:
        """Return the label of some audio."""
        known = self.labels[spec.audio_format]
        return known[self.label % len(known)].format(rate=spec.sample_rate)

    def spoken(self, text: str, spec: AudioSpec, headers: dict[str, str]) -> Answer:
        """Return a sine as the vendor would send it: in chunks, longer for longer texts."""
        audio = tone(spec, 0.3 + 0.03 * len(text))
        self.remember(text, audio, spec)
        pieces = [audio[at : at + PIECE] for at in range(0, len(audio), PIECE)]
        return answers.chunked(pieces, self.content_type(spec), headers)

    def remember(self, text: str, audio: bytes, spec: AudioSpec) -> None:
        """Note what is sent for a text."""
        self.texts.append(text)
        self.sent.append(audio)
        self.specs.append(spec)


def checked_json(hit: Hit, *, required: set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """Return a JSON object that has the required fields and no unknown ones."""
    body = json.loads(hit.body, parse_constant=lambda name: 1 / 0)
    assert hit.headers.get("content-type") == "application/json", "the content type is not JSON"
    assert isinstance(body, dict), "the body is no object"
    assert required <= set(body) <= required | optional, f"the fields are {sorted(body)}"
    return body


def pairs(**rates: tuple[int, ...]) -> frozenset[tuple[str, int]]:
    """Return the (format, rate) pairs of rates in Hz by format."""
    return frozenset((name, rate) for name, offered in rates.items() for rate in offered)
