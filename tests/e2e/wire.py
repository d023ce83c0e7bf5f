"""HTTP as clients speak it: whole exchanges, and single bytes on a socket."""

import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a port of 127.0.0.1, or a socket in the file system."""

    port: int = 0
    path: Path | None = None

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """Return a connected socket; `source` is the loopback address that the server sees."""
        if self.path is None:
            return socket.create_connection(("127.0.0.1", self.port), TIMEOUT, (source, 0))
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(str(self.path))
        except OSError:
            sock.close()
            raise
        return sock

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """Give a connection that is kept alive from request to request."""
        with closing(Client(self)) as client:
            yield client

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Return the answer to one request on its own connection."""
        with self.client() as client:
            return client.ask(method, path, body, **headers)

    def speak(self, text: str, accept: str = "audio/wav", **fields: Any) -> Answer:
        """Return the answer to one POST /speak."""
        return self.ask("POST", "/speak", {"text": text, **fields}, Accept=accept)


class Client(http.client.HTTPConnection):
    """One connection; anything but bytes and iterators of bytes is sent as JSON."""

    def __init__(self, address: Address) -> None:
        super().__init__("sayna.test", timeout=TIMEOUT)
        self._address = address

    def connect(self) -> None:
        """Connect to the address instead of to a name."""
        self.sock = self._address.connect()

    def begin(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """Send a request and return as soon as the head of the answer is there, however much was sent."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers = {"Content-Type": "application/json", **headers}
        # A server that has closed resets the connection of a client that still sends.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return self.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request and return the whole answer; raises IncompleteRead when it breaks off."""
        response = self.begin(method, path, body, **headers)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def read_answer(sock: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of the one answer that comes on a connection, whether it is then closed or not."""
    heard = b""
    while b"\r\n\r\n" not in heard and (piece := sock.recv(65536)):
        heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    while (not length or len(body) < int(length[1])) and (piece := sock.recv(65536)):
        body += piece
    return head, body


def read_until_quiet(sock: socket.socket, seconds: float) -> tuple[bytes, bool]:
    """Return what comes until the server closes or says nothing for so long, and whether it has closed."""
    sock.settimeout(seconds)
    heard = b""
    try:
        while piece := sock.recv(65536):
            heard += piece
    except TimeoutError:
        return heard, False
    except ConnectionError:
        pass
    return heard, True
