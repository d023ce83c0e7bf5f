"""A proxy on loopback that takes CONNECT, and leads every name to loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"


class ConnectProxy:
    """Answers CONNECT with `answer`; after a 200 it carries bytes between the two sides."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answer = OK
        self.heads: list[str] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def targets(self) -> list[str]:
        """The hosts and ports that were asked for, in order."""
        return [head.split()[1] for head in self.heads]

    def serve(self) -> None:
        """Take connections until close()."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self._start(self._tunnel, client)

    def close(self) -> None:
        """End every connection and thread."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := client.recv(4096)):
                return
            head += piece
        self.heads.append(head.decode())
        client.sendall(self.answer)
        if self.answer is not OK:
            client.close()
            return
        far = socket.create_connection(("127.0.0.1", int(self.targets[-1].rpartition(":")[2])))
        self._open.append(far)
        self._start(_copy, far, client)
        _copy(client, far)

    def _start(self, work: object, *values: object) -> None:
        thread = threading.Thread(target=work, args=values, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """Give a proxy that listens."""
    proxy = ConnectProxy()
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(5)
