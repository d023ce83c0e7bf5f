"""Which thread does the steps of a stream: that of the request, and one of its own once others read the stream too."""

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Generator

from sayna.errors import Overloaded
from sayna.speech.single_flight.producer import PartFileWriter
from sayna.speech.single_flight.stream import CONNECTION_CHECK_SECONDS, SharedStream, State

# How often the streams that requests move are looked at.
LOOK_SECONDS = 0.025
# A request that asks for nothing for so long has a slow caller, for whom the provider must not wait.
SLOW_SECONDS = 0.1

# Each step yields whether the next ones need a thread of their own.
Steps = Generator[bool, None, None]

logger = logging.getLogger("sayna.speech")


class Drive:
    """The steps of one stream: one thread at a time takes the next one.

    `submit` runs a call in a thread of its own, and raises Overloaded when there is none.
    """

    def __init__(
        self, steps: Steps, submit: Callable[[Callable[[], object]], None], stream: SharedStream, writer: PartFileWriter
    ) -> None:
        self._steps = steps
        self._submit = submit
        self._stream = stream
        self._writer = writer
        self._context = contextvars.copy_context()
        self._turn = threading.Lock()
        self._lock = threading.RLock()
        self._has_thread = self._is_over = False
        self._stepped = self._checked = time.monotonic()

    def advance(self) -> bool:
        """Do a step in this thread; return False when a thread of its own does them, or there is none left."""
        if self._has_thread or self._is_over or not self._turn.acquire(blocking=False):
            return False
        try:
            is_shared = next(self._steps, None)
        finally:
            self._stepped = time.monotonic()
            self._turn.release()
        if is_shared is None:
            self._is_over = True
        elif is_shared:
            self.hand_over()
        return True

    def hand_over(self) -> None:
        """Let a thread of its own do all steps that are left; raises Overloaded when none can be started."""
        with self._lock:
            if self._has_thread or self._is_over:
                return
            self._has_thread = True
            try:
                self._submit(lambda: self._context.run(self._finish))
            except Overloaded:
                self._has_thread = False
                raise

    def look(self, now: float) -> bool:
        """See that other processes and a slow caller do not wait; return False when no further look is needed."""
        if self._is_over:
            return False
        if self._has_thread:
            return not self._writer.update(self._stream)
        if self._stream.state is State.LOST and self._turn.acquire(blocking=False):
            try:
                # This frees the provider.
                self._steps.close()
            finally:
                self._turn.release()
            self._is_over = True
            return False
        is_idle = not self._turn.locked()
        with contextlib.suppress(Overloaded):
            if self._writer.add_chunk(self._stream) or (is_idle and now - self._stepped > SLOW_SECONDS):
                self.hand_over()
        if not is_idle and now - self._checked > CONNECTION_CHECK_SECONDS:
            self._checked = now
            if (subscriber := self._stream.owner()) is not None:
                subscriber.check_connection()
        return True

    def _finish(self) -> None:
        with self._turn:
            for _ in self._steps:
                pass
        self._is_over = True


class Watcher:
    """One thread of a process, which looks at the streams that requests move while there are any."""

    def __init__(self) -> None:
        self._drives: dict[Drive, None] = {}
        self._added = threading.Event()
        self._is_closed = False
        threading.Thread(target=self._run, name="streams", daemon=True).start()

    def add(self, drive: Drive) -> None:
        """Look at a stream until its request does no more steps."""
        self._drives[drive] = None
        if not self._added.is_set():
            self._added.set()

    def close(self) -> None:
        """Hand all streams over to threads."""
        self._is_closed = True
        for drive in list(self._drives):
            drive.hand_over()
        self._drives.clear()
        self._added.set()

    def _run(self) -> None:
        while not self._is_closed:
            self._added.wait()
            time.sleep(LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        for drive in list(self._drives):
            try:
                is_watched = drive.look(now)
            except Exception:
                # One stream must not end the thread that all others need.
                logger.exception("a stream of speech cannot be looked at")
                is_watched = False
            if not is_watched:
                self._drives.pop(drive, None)
        if not self._drives:
            self._added.clear()
            # One that was added just before the event was cleared.
            if self._drives:
                self._added.set()
