"""The response of an engine process to one request, read by the worker that asked."""

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterator

from sayna import errors
from sayna.engines import wire
from sayna.http import Deadline

RECEIVE_BYTES = 1 << 18

log = logging.getLogger("sayna.engines")


class EngineDied(errors.ProviderError):
    """The engine process ended by itself, perhaps of the text that it said."""


class EngineFailed(errors.ProviderError):
    """The engine cannot say this text with this voice."""


class EngineResponse(Iterator[bytes]):
    """The payloads of one response as an iterator; `close` cancels the rest."""

    def __init__(self, connection: socket.socket, deadline: Deadline, is_closed: Callable[[], bool]) -> None:
        self._connection = connection
        self._deadline = deadline
        self._is_closed = is_closed
        self._ready: deque[bytes] = deque()
        self._partial = b""
        self._is_over = False
        deadline.when_cancelled(self._wake)

    def __next__(self) -> bytes:
        """Return the next payload; raises ProviderError and its kinds."""
        while not self._ready and not self._is_over:
            self._read()
        if self._ready:
            return self._ready.popleft()
        raise StopIteration

    def close(self) -> None:
        """Cancel the synthesis when the client is gone. A second call does nothing."""
        self._is_over = True
        self._ready.clear()
        # First, because another thread may wait for the socket.
        self._wake()
        self._connection.close()

    def _wake(self) -> None:
        """End the wait of the thread that reads, because the deadline is cancelled."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            self._connection.settimeout(self._deadline.left())
            data = self._connection.recv(RECEIVE_BYTES)
        except TimeoutError as error:
            self.close()
            raise errors.ProviderTimeout("The embedded engine did not finish within the deadline.") from error
        except OSError:
            data = b""
        if self._is_over:
            return
        if not data:
            raise self._broken_off()
        frames, self._partial = wire.split(self._partial + data)
        for kind, payload in frames:
            if kind in (wire.AUDIO, wire.TABLE):
                self._ready.append(payload)
            else:
                self._end(kind, payload)

    def _broken_off(self) -> errors.ProviderError:
        self.close()
        if not self._deadline.remaining():
            return errors.ProviderTimeout("The embedded engine did not finish within the deadline.")
        kind = errors.ProviderError if self._is_closed() else EngineDied
        return kind("The embedded engine died while it rendered this text.")

    def _end(self, kind: bytes, payload: bytes) -> None:
        self._is_over = True
        self._connection.close()
        if kind == wire.NO_VOICE:
            raise errors.ProviderRejectedRequest("espeak does not know this voice; see GET /voices.")
        if kind == wire.TOO_LONG:
            raise errors.ProviderRejectedRequest("The speech would last longer than an hour.")
        if kind != wire.END:
            # Only the type: the words of an exception may quote the text.
            log.error("engine_failed: %s", payload.decode(errors="replace"))
            raise EngineFailed("The embedded engine failed with this text or voice; see the server's log.")


class RepeatedResponse(Iterator[bytes]):
    """The payloads of a response, each a sentence; it is asked for a second time when the engine process dies."""

    def __init__(self, ask: Callable[[], EngineResponse]) -> None:
        self._ask = ask
        self._count = 0
        self._is_repeated = self._is_closed = False
        try:
            self._response = ask()
        except EngineDied:
            self._repeat()

    def __next__(self) -> bytes:
        """Return the next payload; raises ProviderError and its kinds."""
        while True:
            try:
                payload = next(self._response)
            except EngineDied:
                if self._is_repeated or self._is_closed:
                    raise
                self._repeat()
            else:
                self._count += 1
                return payload

    def close(self) -> None:
        """Cancel the synthesis. A second call does nothing."""
        self._is_closed = True
        self._response.close()

    def _repeat(self) -> None:
        self._is_repeated = True
        self._response = self._ask()
        for _ in range(self._count):
            next(self._response, b"")
