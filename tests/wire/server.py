"""A server of threads and plain sockets that can do to a client what no HTTP library would."""

import contextlib
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from tests.wire.hit import Hit, read_hit

LINGER_ZERO = struct.pack("ii", 1, 0)


class Exchange:
    """One request at the server's end: an answer sends what it likes and may end the connection."""

    def __init__(self, sock: socket.socket, hit: Hit) -> None:
        self.hit = hit
        self.keep = True
        self._sock = sock

    def send(self, data: bytes) -> None:
        """Send bytes; a client that has gone ends the answer (ConnectionError)."""
        self._sock.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, unless the server is stopped; raises ConnectionError when the client has gone meanwhile."""
        self._sock.settimeout(seconds)
        try:
            if not self._sock.recv(1):
                raise ConnectionResetError
        except TimeoutError:
            pass
        finally:
            self._sock.settimeout(None)

    def hang(self) -> None:
        """Stay silent until the client has gone, which always comes (ConnectionError)."""
        while self._sock.recv(1):
            pass
        raise ConnectionResetError

    def reset(self) -> None:
        """Close the connection with a RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.keep = False


Answer = Callable[[Exchange], None]


class FaultServer:
    """Answers by script: `then()` queues answers, `always()` sets what comes when the queue is empty.

    `hits` are the requests, `connections` counts what was accepted, `left` is set once a client has
    gone before its answer was over, `closed` once the server has closed a connection. With `deaf` no
    request is ever read.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, deaf: bool = False) -> None:
        self.hits: list[Hit] = []
        self.connections = 0
        self.left = threading.Event()
        self.closed = threading.Event()
        self._tls = tls
        self._deaf = deaf
        self._script: deque[Answer] = deque()
        self._default: Answer | None = None
        self._stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with self._lock:
            for sock in (self._listener, *self._sockets):
                _shut(sock)
        # A thread may start the last connection while it is joined.
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), f"{thread.name} of a fake server does not end"

    @property
    def url(self) -> str:
        """The root of the server, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def then(self, *answers: Answer) -> Self:
        """Answer the next requests so, one each."""
        self._script += answers
        return self

    def forget(self) -> None:
        """Leave the script: what is queued is not answered any more."""
        self._script.clear()

    def always(self, answer: Answer) -> Self:
        """Answer all other requests so."""
        self._default = answer
        return self

    def answer(self, hit: Hit) -> Answer:
        """Return the answer of a request that no script foresees; vendors' fakes override this."""
        assert self._default is not None, f"nobody said how to answer {hit}"
        return self._default

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                self._listener.close()
                return
            # Otherwise the second part of an answer waits up to 40 ms for the client to acknowledge the first.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._sockets.append(sock)
                if self._stopped.is_set():
                    _shut(sock)
            self._start(self._serve, sock, self.connections)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name=target.__name__)
        self._threads.append(thread)
        thread.start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        # A handshake or an answer may end because the client has gone: that is what many tests want.
        with plain, contextlib.suppress(OSError):
            sock = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            if self._deaf:
                with sock:
                    self._stopped.wait()
                return
            with sock, sock.makefile("rb") as stream:
                if sock is not plain:
                    self._sockets.append(sock)
                while (hit := read_hit(stream, number)) and self._answered(sock, hit):
                    pass
        self.closed.set()

    def _answered(self, sock: socket.socket, hit: Hit) -> bool:
        self.hits.append(hit)
        exchange = Exchange(sock, hit)
        try:
            (self._script.popleft() if self._script else self.answer(hit))(exchange)
        except OSError:
            if not self._stopped.is_set():
                self.left.set()
            return False
        return exchange.keep


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextlib.contextmanager
def blackhole() -> Iterator[int]:
    """Yield a port at which connections are never completed: its queue is full and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        while True:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        yield port
