"""What one request hears of a flight."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from sayna.errors import CallerGone, ProviderTimeout
from sayna.http import Deadline
from sayna.speech.single_flight.frames import FlightAborted, load_error
from sayna.speech.single_flight.stream import SharedStream, State

# How long a thread may wait for nobody: the kernel tells of a hang-up only who asks.
LOOK_SECONDS = 0.5
STORE_SECONDS = 0.2


class Subscriber(Iterator[bytes]):
    """An iterator over audio as it comes; when the leader dies before the first byte, it starts anew.

    Raises the leader's own error, ProviderTimeout at the deadline, and FlightAborted when the rendering was
    lost after audio was handed out: speech comes out differently each time, so no other can continue it.
    """

    def __init__(
        self, board: Callable[[object], SharedStream], deadline: Deadline | None, alive: Callable[[], bool]
    ) -> None:
        self._attach = board
        self._alive = alive
        self._deadline = deadline
        self._position = 0
        self._token = object()
        self._flight: SharedStream | None = None
        self._flight = board(self._token)

    @property
    def header(self) -> Mapping[str, Any]:
        """What the audio is; waits until that is known, and raises what iterating would raise."""
        while True:
            flight = self._flight
            if flight is None:
                raise ValueError("the listener is closed")
            self._wait(flight.wait_for_header)
            if flight.header is not None:
                return flight.header
            self._finish(flight)

    @property
    def is_leader(self) -> bool:
        """Whether this listener's own rendering is heard; final once the header is known."""
        flight = self._flight
        return flight is not None and flight.launched and flight.owner is self._token

    def __next__(self) -> bytes:
        while True:
            flight = self._flight
            if flight is None:
                raise StopIteration
            self._wait(partial(flight.wait_for_chunk, self._position))
            if flight.state is not State.LOST and self._position < len(flight.chunks):
                self._position += 1
                return flight.chunks[self._position - 1]
            self._finish(flight)

    def close(self) -> None:
        """Stop listening; a rendering that nobody listens to is cancelled."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.leave()

    def __del__(self) -> None:
        self.close()

    def _wait(self, wait: Callable[[float], bool]) -> None:
        """Wait, looking after the caller now and then; raises ProviderTimeout or CallerGone."""
        while not wait(min(LOOK_SECONDS, self._deadline.remaining() if self._deadline else LOOK_SECONDS)):
            if self._deadline and not self._deadline.remaining():
                self.close()
                raise ProviderTimeout("The speech vendor did not answer in time.")
            if not self._alive():
                self.close()
                raise CallerGone("The caller hung up.")

    def _finish(self, flight: SharedStream) -> None:
        """Leave a flight that has ended: by an error, by StopIteration, or for a new flight."""
        # Nothing was sent yet, so another rendering may be heard from its beginning.
        if flight.state is State.LOST and not self._position:
            flight.leave()
            self._flight = None
            self._flight = self._attach(self._token)
            return
        if flight.state in (State.WHOLE, State.COMPLETE):
            flight.wait_until_stored(STORE_SECONDS)
            raise StopIteration
        if flight.state is State.FAILED:
            raise load_error(flight.error)
        raise FlightAborted("The rendering was lost after a part of the audio had been sent.")
