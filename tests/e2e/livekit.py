"""The real livekit-server, real participants, and Sayna between them."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.blueprints.rooms import AUTH, bearer
from tests.e2e.program import Program
from tests.e2e.servers import ROOT, Gunicorn, free_port
from tests.e2e.wire import Address, Answer
from tests.programs import needs
from tests.wire.twirp import KEY, SECRET

HOW = "CGO_ENABLED=0 go install github.com/livekit/livekit-server/cmd/server@v1.13.5 (.ci/run does it)"
CONFIG = """
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{{key}: "{secret}"}}
rtc:
  tcp_port: {tcp}
  udp_port: {udp}
  use_external_ip: false
  enable_loopback_candidate: true
  node_ip: 127.0.0.1
room:
  auto_create: true
  empty_timeout: 300
  departure_timeout: 1
  enable_remote_unmute: {unmute}
webhook:
  api_key: {key}
  urls: ["http://127.0.0.1:{sayna}/livekit/webhook"]
logging: {{level: info}}
"""
REDIS = 'redis: {{address: "127.0.0.1:{port}"}}\n'


class LiveKitServer(Program):
    """livekit-server on loopback; its webhooks go to `sayna_port`."""

    def __init__(self, folder: Path, sayna_port: int, *, unmute: bool = True, redis_port: int | None = None) -> None:
        program = needs("livekit-server", HOW)
        self.address = Address(free_port())
        config = folder / "livekit.yaml"
        fields = {"tcp": free_port(), "udp": free_port(), "sayna": sayna_port, "unmute": json.dumps(unmute)}
        config.write_text(CONFIG.format(port=self.address.port, key=KEY, secret=SECRET, **fields))
        if redis_port is not None:
            with config.open("a") as file:
                file.write(REDIS.format(port=redis_port))
        argv = [program, "--config", str(config)]
        super().__init__(argv, cwd=folder, env=dict(os.environ), log=folder / "livekit.log")

    @property
    def url(self) -> str:
        """Where participants connect."""
        return f"ws://127.0.0.1:{self.address.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What Sayna must be told."""
        secrets = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
        return {"LIVEKIT_URL": self.url, **secrets, **AUTH, "WEB_THREADS": "16"}

    def twirp(self, service: str, method: str, token: str, **message: Any) -> Answer:
        """Return LiveKit's own answer to whoever holds the token."""
        path = f"/twirp/livekit.{service}/{method}"
        return self.address.ask("POST", path, message, Authorization=f"Bearer {token}")


class Studio:
    """Sayna and the LiveKit server that it uses."""

    def __init__(self, sayna: Gunicorn, livekit: LiveKitServer) -> None:
        self.sayna = sayna
        self.livekit = livekit

    def ask(self, method: str, path: str, tenant: str | None = "a", **body: Any) -> Answer:
        """Return the answer to a tenant's request."""
        return self.sayna.address.ask(method, path, body or None, **bearer(tenant))

    def token(self, room: str, identity: str = "ann", tenant: str = "a") -> str:
        """Return a token for a room of the tenant's own."""
        names = {"room_name": room, "participant_name": identity.title(), "participant_identity": identity}
        answer = self.ask("POST", "/livekit/token", tenant, **names)
        assert answer.status == 200, answer.body
        token: str = answer.json()["token"]
        return token

    def events(self) -> list[dict[str, Any]]:
        """Return the events that Sayna has logged."""
        return [line for line in self.sayna.records if line.get("event") == "livekit_event"]


class Person:
    """Somebody who joins with a token; leaving the block leaves the room."""

    def __init__(self, url: str, token: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.participant", url, token],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def sees(self, event: str, seconds: float = 60) -> dict[str, Any]:
        """Return the next thing that happens to this participant; fails when it is another."""
        told = self._told.get(timeout=seconds)
        assert told["event"] == event, told
        return told

    def sees_nothing(self) -> None:
        """Fail when something happened that the test did not ask for."""
        assert self._told.empty(), self._told.get_nowait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(30)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join()
        self._child.stdout.close()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._told.put(json.loads(line))
