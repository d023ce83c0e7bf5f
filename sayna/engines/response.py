"""The response of an engine process to one request, read by the worker that asked."""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

from sayna import errors
from sayna.engines import wire
from sayna.http import Deadline

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
        self._is_over = False
        deadline.when_cancelled(self._wake)

    def __next__(self) -> bytes:
        """Return the next payload; raises ProviderError and its kinds."""
        if self._is_over:
            raise StopIteration
        try:
            self._connection.settimeout(self._deadline.left())
            kind, payload = wire.receive(self._connection)
        except (OSError, EOFError) as error:
            # Another thread has closed it.
            if self._is_over:
                raise StopIteration from None
            self.close()
            raise self._broken_off(error) from error
        if kind in (wire.AUDIO, wire.TABLE):
            return payload
        self.close()
        if kind != wire.END:
            raise _refusal(kind, payload)
        raise StopIteration

    def close(self) -> None:
        """Cancel the synthesis when the client is gone. A second call does nothing."""
        self._is_over = True
        # First, because another thread may wait for the socket.
        self._wake()
        self._connection.close()

    def _wake(self) -> None:
        """End the wait of the thread that reads, because the deadline is cancelled."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _broken_off(self, error: Exception) -> errors.ProviderError:
        if isinstance(error, TimeoutError) or not self._deadline.remaining():
            return errors.ProviderTimeout("The embedded engine did not finish within the deadline.")
        kind = errors.ProviderError if self._is_closed() else EngineDied
        return kind("The embedded engine died while it rendered this text.")


def _refusal(kind: bytes, payload: bytes) -> errors.ProviderError:
    if kind == wire.NO_VOICE:
        return errors.ProviderRejectedRequest("espeak does not know this voice; see GET /voices.")
    if kind == wire.TOO_LONG:
        return errors.ProviderRejectedRequest("The speech would last longer than an hour.")
    # Only the type: the words of an exception may quote the text.
    log.error("engine_failed: %s", payload.decode(errors="replace"))
    return EngineFailed("The embedded engine failed with this text or voice; see the server's log.")


class RepeatedResponse(Iterator[bytes]):
    """The payloads of a response, each a sentence; it is asked for a second time when the engine process dies."""

    def __init__(self, ask: Callable[[], EngineResponse]) -> None:
        self._ask = ask
        self._count = 0
        self._may_repeat = True
        try:
            self._response = ask()
        except EngineDied:
            self._repeat()

    def __next__(self) -> bytes:
        """Return the next payload; raises ProviderError and its kinds."""
        try:
            payload = next(self._response)
        except EngineDied:
            if not self._may_repeat:
                raise
            self._repeat()
            payload = next(self._response)
        self._count += 1
        return payload

    def close(self) -> None:
        """Cancel the synthesis. A second call does nothing."""
        self._may_repeat = False
        self._response.close()

    def _repeat(self) -> None:
        self._may_repeat = False
        self._response = self._ask()
        for _ in range(self._count):
            next(self._response, b"")
