"""A server that answers from a thread of its own while it is entered."""

import threading
from socketserver import BaseServer
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.02


class Served:
    """Runs `server` in a thread; whoever holds answers or connections overrides `let_go` and `cut`."""

    def __init__(self, server: BaseServer) -> None:
        self._served = server
        self._thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._served.shutdown()
        self._thread.join()
        self.cut()
        self._served.server_close()

    def let_go(self) -> None:
        """End what holds answers back."""

    def cut(self) -> None:
        """Close the connections that clients keep."""
