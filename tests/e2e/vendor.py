"""A vendor on loopback that speaks Deepgram's wire, as slowly as a test wants it to."""

import json
import math
import select
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.wire.served import Served

KEY = "vendor-key-of-the-tests"
RATE = 24000
PIECE_SECONDS = 0.1
PIECE = b"".join(
    struct.pack("<h", int(12000 * math.sin(2 * math.pi * 440 * sample / RATE)))
    for sample in range(int(RATE * PIECE_SECONDS))
)


@dataclass(slots=True)
class Call:
    """One request to the vendor; `port` is the caller's end of the connection."""

    text: str
    port: int
    begun: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)


class Vendor(Served, ThreadingHTTPServer):
    """Sends `pieces` of a tone, 0.1 s each, and between them waits `pause` seconds, and for `go_on`."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), _Wire)
        Served.__init__(self, self)
        self.pieces = 20
        self.pause = 0.0
        self.go_on = threading.Event()
        self.go_on.set()
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self.closing = threading.Event()

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make Sayna use this vendor."""
        return {"DEEPGRAM_BASE_URL": f"http://127.0.0.1:{self.server_port}", "DEEPGRAM_API_KEY": KEY}

    @property
    def whole(self) -> bytes:
        """The samples of one whole clip."""
        return PIECE * self.pieces

    def let_go(self) -> None:
        """End the pauses between pieces."""
        self.closing.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hang up: tests look at Call.hung_up."""


class _Wire(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    @property
    def vendor(self) -> Vendor:
        return cast("Vendor", self.server)

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        expected = {"encoding": ["linear16"], "container": ["none"], "sample_rate": [str(RATE)]}
        query = parse_qs(url.query)
        model = query.pop("model", [])
        if (url.path, query, list(body)) != ("/v1/speak", expected, ["text"]) or len(model) != 1:
            self.vendor.complaints.append(f"POST {self.path} {body}")
            self.send_error(400)
            return
        if self.headers["Authorization"] != f"Token {KEY}":
            self.send_error(401)
            return
        call = Call(body["text"], self.client_address[1])
        self.vendor.calls.append(call)
        self.send_response(200)
        self.send_header("Content-Type", "audio/l16;rate=24000")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._render(call)

    def _render(self, call: Call) -> None:
        try:
            for number in range(self.vendor.pieces):
                if number and not self._wait(call):
                    return
                self.wfile.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
                call.begun.set()
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self._hung_up(call)

    def _wait(self, call: Call) -> bool:
        """Return whether to go on: the caller must still be there, which its socket tells."""
        pause = self.vendor.pause
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.connection, select.POLLIN)
        while not self.vendor.closing.is_set():
            if poll.poll(pause * 1000):
                break
            if self.vendor.go_on.is_set():
                return True
            pause = 0.02
        self._hung_up(call)
        return False

    def _hung_up(self, call: Call) -> None:
        call.hung_up.set()
        self.close_connection = True

    def log_request(self, *_: object) -> None:
        """Keep quiet."""
