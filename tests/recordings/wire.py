"""A server on loopback whose responses a test writes, including where they end early."""

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.wire.served import Served

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as received; header names in lower case, the path still encoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `cut` resets the connection after so many bytes of the body, `until` is waited for first."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    until: threading.Event | None = None


class Wire(Served):
    """Answers by `script` first, one entry a request, then by `answer`; other requests are complaints."""

    def __init__(
        self, answer: Callable[[RecordedRequest], Reply | None] = lambda _: None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self.script: deque[Reply] = deque()
        self.complaints: list[str] = []
        self.closed_early = threading.Event()
        self._answer = answer
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        super().__init__(server)

    def reply_to(self, request: RecordedRequest) -> Reply:
        """Return what the test wants to be answered."""
        self.requests.append(request)
        reply = self.script.popleft() if self.script else self._answer(request)
        if reply is None:
            self.complaints.append(f"unexpected: {request.method} {request.path} {dict(request.query)}")
            return Reply(500, b"unexpected")
        return reply


def _handler(wire: Wire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise the body waits up to 40 ms for the client to acknowledge the headers.
        disable_nagle_algorithm = True
        wbufsize = 0

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            self.send(wire.reply_to(RecordedRequest(self.command, parts.path, query, headers, body)))

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        def send(self, reply: Reply) -> None:
            if reply.until:
                reply.until.wait(20)
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(reply.body)), **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            try:
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body[: reply.cut])
            except OSError:
                wire.closed_early.set()
                self.close_connection = True
                return
            if reply.cut is not None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
