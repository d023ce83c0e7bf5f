"""One request's view of a shared stream."""

import math
import time
import weakref
from collections.abc import Callable, Iterator, Sequence

from sayna.errors import CallerGone, ProviderTimeout
from sayna.http import Deadline
from sayna.speech.single_flight.frames import StreamAborted, load_error
from sayna.speech.single_flight.stream import CONNECTION_CHECK_SECONDS, STORE_SECONDS, SharedStream, State
from sayna.speech.single_flight.task import LATE, UNKNOWN

GONE = "the client closed its connection"


class Subscriber(Iterator[bytes]):
    """An iterator over audio as it arrives; if the leader dies before the first byte, it subscribes anew.

    `select` returns the stream to read, itself or one of its forms, once the spec of the audio is known.
    Raises the leader's own error, ProviderTimeout at the deadline, CallerGone, and StreamAborted when the
    synthesis was lost after a chunk was returned: speech is not deterministic, so no other can continue it.
    """

    def __init__(
        self,
        attach: "Callable[[Callable[[], Subscriber | None]], SharedStream]",
        deadline: Deadline,
        is_client_connected: Callable[[], bool],
        select: Callable[[SharedStream], SharedStream],
    ) -> None:
        self._attach = attach
        self._is_client_connected = is_client_connected
        self._deadline = deadline
        self._select = select
        self._selected: SharedStream | None = None
        self._position = 0
        self._itself = weakref.ref(self)
        # What the provider sent, which take it is, in epoch seconds, and whether it was stored; final after `wait`.
        self.spec = UNKNOWN
        self.created = 0.0
        self.is_cached = False
        # The longest wait for a chunk.
        self.silence_seconds = math.inf
        self._has_left = False
        self._stream: SharedStream | None = None
        self._stream = attach(self._itself)

    @property
    def is_leader(self) -> bool:
        """Whether this subscriber's own task called the provider; final once `wait` has returned."""
        stream = self._stream
        return stream is not None and stream.is_new and stream.owner is self._itself

    def wait(self) -> None:
        """Wait for the next chunk or the end of the audio; raises as the class says."""
        if self._next_stream() is not None and (stream := self._stream) is not None:
            self.created, self.spec, self.is_cached = stream.created, stream.spec, stream.is_cached

    def __next__(self) -> bytes:
        stream = self._next_stream()
        if stream is None:
            raise StopIteration
        self._position += 1
        return stream.chunks[self._position - 1]

    @property
    def head(self) -> bytes:
        """What stands in front of a whole file of the form; final when the iterator has ended."""
        return bytes(self._selected.head) if self._selected else b""

    @property
    def received(self) -> Sequence[bytes]:
        """What the provider has sent so far; it is whole when the iterator has ended."""
        return self._stream.chunks if self._stream else ()

    def close(self) -> None:
        """Unsubscribe; a synthesis without subscribers is cancelled."""
        stream, self._stream, self._selected = self._stream, None, None
        if stream is not None:
            stream.leave()

    def __del__(self) -> None:
        self.close()

    def _next_stream(self) -> SharedStream | None:
        """Return the selected stream once it holds the next chunk, or None at the end of the audio."""
        while (stream := self._selected or self._stream) is not None:
            self._wait(stream)
            if stream.state is not State.LOST and self._position < len(stream.chunks):
                if self._selected is not None:
                    return stream
                self._selected = self._select(stream)
            elif self._finish(stream):
                return None
        return None

    def check_connection(self) -> None:
        """Leave the stream when the client has gone, although a thread waits for the provider."""
        if not self._is_client_connected():
            self._has_left = True
            self.close()

    def _wait(self, stream: SharedStream) -> None:
        if (drive := stream.drive) is not None and stream.owner is self._itself:
            while self._position >= len(stream.chunks) and drive.advance():
                pass
            if self._has_left:
                raise CallerGone(GONE)
        if self._position < len(stream.chunks):
            return
        limit = Deadline(min(self._deadline.at, time.monotonic() + self.silence_seconds))
        while not stream.wait_for_chunk(self._position, min(CONNECTION_CHECK_SECONDS, limit.remaining())):
            self._check(limit)

    def _check(self, limit: Deadline) -> None:
        """Leave the stream at the limit, or when the client has gone; raises ProviderTimeout, CallerGone."""
        if not limit.remaining():
            self.close()
            raise ProviderTimeout(LATE)
        if not self._is_client_connected():
            self.close()
            raise CallerGone(GONE)

    def _finish(self, stream: SharedStream) -> bool:
        """Return True when an ended stream is complete, False after attaching to a new one; raises its error."""
        # No chunk was returned yet, so another synthesis may be read from its beginning.
        if stream.state is State.LOST and not self._position:
            self.close()
            if stream.refusal is not None and stream.owner is self._itself:
                raise stream.refusal
            # A process that stands still while it removes its file can lose any number of streams.
            self._check(self._deadline)
            self._stream = self._attach(self._itself)
            return False
        if stream.state in (State.WHOLE, State.COMPLETE):
            # Otherwise the next request of the same caller could be a miss.
            stream.wait_while(State.WHOLE, seconds=STORE_SECONDS)
            return True
        if stream.state is State.FAILED:
            raise load_error(stream.error)
        raise StreamAborted("the synthesis was lost after a part of the audio was sent; try again")
