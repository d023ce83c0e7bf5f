"""One rendering per key at a time over all threads and processes, heard live by all who ask for it."""

import contextvars
import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sayna.errors import Overloaded
from sayna.http import Deadline
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.part_file import Part, sweep
from sayna.speech.single_flight.producer import PartFileWriter, follow, lead
from sayna.speech.single_flight.stream import Rendering, SharedStream
from sayna.speech.single_flight.subscriber import Subscriber
from sayna.state.files import private_folder

log = logging.getLogger("sayna.speech")

PUMPS = 256

# It becomes the name of a file.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class Order:
    """How a rendering is begun, found done by somebody else, and called off."""

    launch: Callable[[], Rendering]
    recheck: Callable[[], Rendering | None]
    cancel: Callable[[], None]


class SingleFlight:
    """Single flights that processes share through `folder`; without a folder, each has its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rate_limited_log = RateLimitedLogger(log)
        self._pid = 0
        self._lock = threading.Lock()
        self._running: dict[str, SharedStream] = {}
        self._pumps: ThreadPoolExecutor | None = None

    def join(
        self,
        key: str,
        launch: Callable[[], Rendering],
        *,
        recheck: Callable[[], Rendering | None] = lambda: None,
        deadline: Deadline | float | None = None,
        alive: Callable[[], bool] = lambda: True,
        cancel: Callable[[], None] = lambda: None,
    ) -> Subscriber:
        """Return a listener to the one rendering of this key, which `launch` starts when there is none.

        Both are called in another thread, `recheck` just before `launch`, when no other process can be
        rendering: what it returns is heard instead, and is not counted as led. `deadline` is a moment, or
        seconds from now. `alive` is asked now and then whether the caller still listens; `cancel` must wake
        a `launch` or a rendering that waits for its vendor when nobody does any more. Raises ValueError for
        a key that is not 1 to 128 letters, digits, `-` and `_`, Overloaded where no thread is to be had.
        """
        if not _KEY.fullmatch(key):
            raise ValueError("a flight's key is 1 to 128 letters, digits, hyphens and underscores")
        until = Deadline.after(deadline) if isinstance(deadline, int | float) else deadline
        return Subscriber(partial(self._attach, key, Order(launch, recheck, cancel)), until, alive)

    def close(self) -> None:
        """Wait for the renderings under way in this process and end its threads."""
        with self._lock:
            pumps, self._pumps = self._pumps, None
        if pumps is not None and self._pid == os.getpid():
            pumps.shutdown()

    def _attach(self, key: str, order: Order, owner: object) -> SharedStream:
        """Return the running flight of the key with one listener more, or a new one."""
        with self._lock:
            pumps = self._ready()
            flight = self._running.get(key)
            if flight is not None and flight.enter():
                return flight
            flight = self._running[key] = SharedStream(owner)
            flight.enter()
            # A thread of its own, so that a slow listener holds nobody back and one who leaves ends nothing.
            try:
                pumps.submit(contextvars.copy_context().run, self._run, key, flight, order)
            except RuntimeError as error:
                # Who comes next must not wait for a flight that never begins.
                del self._running[key]
                flight.leave()
                flight.abandon()
                raise Overloaded("no thread is to be had for a rendering", retry_after=1) from error
            return flight

    def _ready(self) -> ThreadPoolExecutor:
        """Return this process's pump threads; after a fork the parent's flights are none of ours."""
        if self._pumps is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._running = {}
            self._pumps = ThreadPoolExecutor(PUMPS, thread_name_prefix="flight")
            # A leader that was killed leaves its file; its locks went with it.
            sweep(self._folder)
        return self._pumps

    def _run(self, key: str, flight: SharedStream, order: Order) -> None:
        """Lead or follow until the flight has ended and what it rendered is stored."""
        part = self._open(key)
        tee = PartFileWriter(part, self._rate_limited_log)
        try:
            if part is not None and not part.is_leader:
                follow(flight, part)
            else:
                flight.on_abandoned = partial(_call_off, flight, tee, order)
                # Whoever left before that line called nothing off.
                if not flight.cancel_if_unused(tee.has_followers):
                    lead(flight, tee, lambda: self._begin(flight, order))
        finally:
            flight.abandon()
            self._retire(key, flight)
            tee.close()

    def _begin(self, flight: SharedStream, order: Order) -> Rendering:
        found = order.recheck()
        flight.launched = found is None
        return found if found is not None else order.launch()

    def _retire(self, key: str, flight: SharedStream) -> None:
        with self._lock:
            if self._running.get(key) is flight:
                del self._running[key]

    def _open(self, key: str) -> Part | None:
        try:
            return Part.open(private_folder(self._folder) / f"{key}.part")
        except OSError as error:
            self._rate_limited_log.warn("renderings cannot be shared with other processes: %r", error)
            return None


def _call_off(flight: SharedStream, tee: PartFileWriter, order: Order) -> None:
    """Wake a pump that waits for a silent vendor, now that nobody listens any more."""
    if flight.cancel_if_unused(tee.has_followers):
        order.cancel()
