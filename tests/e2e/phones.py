"""LiveKit's own SIP service, and telephones made of sipp, for the tests that let one ring."""

import itertools
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.e2e.livekit import LiveKitServer
from tests.e2e.program import Program, until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import free_port
from tests.programs import needs
from tests.wire.twirp import KEY, SECRET

# sipp takes four ports in a row, and free_port() could name the telephone's own.
MEDIA_PORTS = itertools.count(31400, 8)
SCENARIOS = Path(__file__).parent / "sipp"
CONFIG = """
api_key: {key}
api_secret: "{secret}"
ws_url: {url}
redis: {{address: "127.0.0.1:{redis}"}}
sip_port: {port}
listen_ip: 127.0.0.1
nat_1_to_1_ip: 127.0.0.1
rtp_port: 31000-31199
use_external_ip: false
max_cpu_utilization: 1
rtp_draining_idle_timeout: -1ns
logging: {{level: debug}}
"""


def livekit_sip() -> str:
    """Return the path of LiveKit's SIP service; skips the test without it, or without sipp."""
    needs("sipp", "apt-get install sip-tester")
    found = os.environ.get("LIVEKIT_SIP") or shutil.which("livekit-sip")
    if not found:
        pytest.skip("this test needs livekit-sip; LIVEKIT_SIP names the program (1.11.0 was used)")
    return found


class LiveKitSip(Program):
    """LiveKit SIP on loopback, beside a LiveKit server and on its Redis."""

    def __init__(self, folder: Path, livekit: LiveKitServer, redis: Redis) -> None:
        self.port = free_port()
        config = folder / "livekit-sip.yaml"
        fields = {"url": livekit.url, "redis": redis.address.port, "port": self.port}
        config.write_text(CONFIG.format(key=KEY, secret=SECRET, **fields))
        argv = [livekit_sip(), "--config", str(config)]
        super().__init__(argv, cwd=folder, env=dict(os.environ), log=folder / "livekit-sip.log")

    @property
    def ready(self) -> bool:
        """Whether it accepts calls."""
        return re.search(r"\tservice ready", self.log) is not None


class Phone(Program):
    """sipp with one of the scenarios; with `to` it calls."""

    def __init__(self, folder: Path, scenario: str, *, port: int, to: str = "", calls: int = 0) -> None:
        self.port = port
        self._messages = folder / f"{scenario}-{self.port}.messages"
        argv = ["sipp", *([to] if to else []), "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1"]
        argv += ["-p", str(self.port), "-mi", "127.0.0.1", "-mp", str(next(MEDIA_PORTS)), "-rtp_echo", "-nostdin"]
        argv += ["-timeout", "90", "-trace_msg", "-message_file", str(self._messages)]
        argv += ["-m", str(calls)] if calls else []
        argv += ["-s", "+15551234567"] if to else []
        log = folder / f"{scenario}-{self.port}.log"
        super().__init__(argv, cwd=folder, env={**os.environ, "TERM": "dumb"}, log=log)
        if not to:
            until(lambda: _is_bound(self.port), 10, "the telephone is there")

    @property
    def messages(self) -> list[tuple[str, str]]:
        """What the phone sent (->) and received (<-) so far, in order."""
        if not self._messages.exists():
            return []
        parts = re.split(r"-{20,}[^\n]*\n", self._messages.read_text("utf-8", "replace"))
        found = (re.match(r"(?:UDP|TCP) message (received|sent)[^\n]*\n+(.*)", part, re.DOTALL) for part in parts)
        return [("<-" if each[1] == "received" else "->", each[2].strip()) for each in found if each]

    def received(self, method: str) -> list[str]:
        """Return the requests of a method that the phone received, each once however often it was sent."""
        return list(dict.fromkeys(text for way, text in self.messages if way == "<-" and text.startswith(f"{method} ")))


def header(message: str, name: str) -> str:
    """Return a header of a message, empty when it has none."""
    found = re.search(rf"^{name}: *(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _is_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
