"""Sayna with everything that the guide speaks of: a vendor, rooms, telephones and a recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import StartServer
from tests.storage.places import LocalPlace
from tests.wire.deepgram import DeepgramFake
from tests.wire.telephone import FakeSipClient

STREAM_ID = "support-call-789"
AUDIO = b"OggS" + bytes(range(256)) * 40
TOKEN = "a-secret-of-the-tests"
HOOK_SECRET = "a-hook-secret-of-the-tests"


@dataclass(frozen=True, slots=True)
class Whole:
    """Where Sayna answers, and what stands behind it."""

    url: str
    deepgram: DeepgramFake
    livekit: FakeSipClient

    @property
    def port(self) -> int:
        """The port that Sayna listens on."""
        return int(self.url.rpartition(":")[2])


@contextmanager
def whole(folder: Path, server: StartServer, **settings: str) -> Iterator[Whole]:
    """Give a Sayna with a recording, support-call-789; what stands behind it complains of odd requests."""
    place = LocalPlace(folder / "recordings")
    place.record(STREAM_ID, AUDIO, auth_id="default")
    with DeepgramFake() as deepgram, FakeSipClient() as livekit:
        gunicorn = server(
            **place.settings,
            **livekit.settings,
            DEEPGRAM_API_KEY="good",
            DEEPGRAM_BASE_URL=deepgram.url,
            LIVEKIT_PUBLIC_URL="wss://livekit.example.com",
            SIP_OUTBOUND_ADDRESS="pbx.example.com:5060",
            SIP_HOOK_SECRET=HOOK_SECRET,
            SIP_HOOK_ALLOW_PRIVATE="true",
            WEB_CONCURRENCY="2",
            WEB_THREADS="8",
            **settings,
        )
        yield Whole(f"http://127.0.0.1:{gunicorn.address.port}", deepgram, livekit)
        assert livekit.complaints == []
