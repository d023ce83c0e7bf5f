"""A server that answers from a thread of its own while it is entered."""

import socket
import threading
from socketserver import TCPServer
from types import TracebackType
from typing import Self


class Served:
    """Runs `server` in a thread; whoever holds answers or connections overrides `let_go` and `cut`."""

    def __init__(self, server: TCPServer) -> None:
        self._served = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._over.set()
        # One more connection ends the wait for the next one at once; shutdown() would wait for a poll.
        socket.create_connection(("127.0.0.1", self._served.server_address[1])).close()
        self._thread.join()
        self.cut()
        self._served.server_close()

    def _serve(self) -> None:
        while not self._over.is_set():
            self._served.handle_request()

    def let_go(self) -> None:
        """End what holds answers back."""

    def cut(self) -> None:
        """Close the connections that clients keep."""
