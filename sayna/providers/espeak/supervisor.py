"""The supervisor of the helper: starts it on first use, kills it at a deadline, replaces it when it is dead."""

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable

from sayna import errors
from sayna.http import Deadline
from sayna.providers.espeak import helper_program as wire
from sayna.providers.espeak.helper import Helper
from sayna.providers.espeak.helper_response import HelperDied, HelperResponse

# A helper that obeys STOP does so within one buffer of audio, about 1 ms; a new helper costs 25 ms.
STOP_SECONDS = 0.25
# A reader that pauses this long is slow: another request reads its frames. One sentence takes less.
SLOW_READER_SECONDS = 0.05

FAILURES: dict[bytes, Callable[[], errors.ProviderError]] = {
    wire.NO_VOICE: lambda: errors.ProviderRejectedRequest("espeak does not know this voice; see GET /voices."),
    wire.TOO_LONG: lambda: errors.ProviderRejectedRequest("The speech would last longer than an hour."),
    wire.FAILED: lambda: errors.ProviderError("The embedded engine could not be initialised."),
}


class EspeakEngine:
    """One helper per process: safe in threads, over forks, and against any text.

    A request has the turn until its last frame is read. A request that waits for the turn reads the frames of a
    slow reader into that reader's buffer (44 kB a second of audio), so a slow client delays no other request.
    """

    def __init__(self, locate: Callable[[], tuple[str, str]]) -> None:
        """`locate`, asked at every request, returns the paths of library and data or raises ProviderError."""
        self._locate = locate
        self._forget()
        _engines.add(self)

    def _forget(self) -> None:
        self._turn = threading.Lock()
        self._reading = threading.Lock()
        self._current: HelperResponse | None = None
        self._helper: Helper | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the helper, None before it is first needed."""
        return self._helper.pid if self._helper else None

    def ask(self, kind: bytes, payload: bytes, deadline: Deadline) -> HelperResponse:
        """Send a request and return its response once the first frame is read; raises ProviderError and its kinds."""
        library, data = self._locate()
        self._take_turn(deadline)
        response = self._current = HelperResponse(self.read, self.stop, deadline)
        with self._reading:
            try:
                self._living_helper(library, data).send(kind, payload, deadline)
            except OSError as error:
                self._fail(response, error)
        while not response.ready and not response.ended:
            self.read(response)
        if response.error and not response.ready:
            raise response.error
        return response

    def _take_turn(self, deadline: Deadline) -> None:
        while not self._turn.acquire(timeout=min(SLOW_READER_SECONDS, deadline.remaining())):
            if not deadline.remaining():
                raise errors.ProviderTimeout("The embedded engine was busy until the deadline.")
            self._read_for_slow_reader(deadline)

    def _read_for_slow_reader(self, deadline: Deadline) -> None:
        slow = self._current
        if not slow or time.monotonic() - slow.read_at < SLOW_READER_SECONDS:
            return
        if self._reading.acquire(blocking=False):
            try:
                while not slow.ended and deadline.remaining():
                    self._read(slow, min(deadline, slow.deadline, key=lambda moment: moment.at))
            finally:
                self._reading.release()

    def _living_helper(self, library: str, data: str) -> Helper:
        if self._helper and not self._helper.alive():
            self._discard()
        if not self._helper:
            self._helper = Helper(library, data)
        return self._helper

    def read(self, response: HelperResponse) -> None:
        """Wait until more of a response is read, or it has ended."""
        with self._reading:
            if not response.ended:
                self._read(response, response.deadline)

    def _read(self, response: HelperResponse, until: Deadline) -> None:
        assert self._helper
        try:
            frames = self._helper.receive(until)
        except TimeoutError as error:
            if not response.deadline.remaining():
                self._fail(response, error)
            return
        except (OSError, EOFError) as error:
            self._fail(response, error)
            return
        response.read_at = time.monotonic()
        audio = [payload for _, payload in frames if payload]
        if audio:
            response.ready.append(b"".join(audio))
        if frames and frames[-1][0] not in (wire.AUDIO, wire.TABLE):
            failure = FAILURES.get(frames[-1][0])
            self._end(response, failure() if failure else None)

    def stop(self, response: HelperResponse) -> None:
        """Cancel a response in the helper; kill the helper when it does not end within STOP_SECONDS."""
        # `ended` changes only under this lock, so STOP never reaches the helper during the next request.
        with self._reading:
            if response.ended or not self._helper:
                return
            response.deadline = Deadline.after(STOP_SECONDS)
            try:
                self._helper.send(wire.STOP, b"", response.deadline)
            except OSError as error:
                self._fail(response, error)
            while not response.ended:
                self._read(response, response.deadline)
            response.ready.clear()

    def _fail(self, response: HelperResponse, cause: Exception) -> None:
        """End a response because the helper is late or dead, and end the helper."""
        kind = HelperDied if self._helper and not self._helper.killed else errors.ProviderError
        self._discard()
        error = kind("The embedded engine died while it rendered this text.")
        if isinstance(cause, TimeoutError):
            error = errors.ProviderTimeout("The embedded engine did not finish within the deadline.")
        error.__cause__ = cause
        self._end(response, error)

    def _end(self, response: HelperResponse, error: errors.ProviderError | None) -> None:
        response.error, response.ended = error, True
        self._current = None
        self._turn.release()

    def _discard(self) -> None:
        if self._helper:
            self._helper.kill()
            self._helper.release()
            self._helper = None

    def close(self) -> None:
        """Kill the helper: a running request gets ProviderError, a later one starts a new helper."""
        helper = self._helper
        if helper:
            helper.kill()
            with self._reading:
                if self._helper is helper and not self._current:
                    self._discard()

    def disown(self) -> None:
        """Forget everything in a forked child, where the locks of other threads would stay locked for ever."""
        if self._helper:
            self._helper.disown()
        self._forget()


_engines: "weakref.WeakSet[EspeakEngine]" = weakref.WeakSet()


def _close_all() -> None:
    for engine in list(_engines):
        engine.close()


def _disown_all() -> None:
    for engine in list(_engines):
        engine.disown()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_disown_all)
