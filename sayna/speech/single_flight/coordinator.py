"""One synthesis per key at a time over all threads and processes; every request for the key reads it live."""

import contextvars
import logging
import math
import re
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from sayna.errors import Overloaded
from sayna.http import Deadline
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.drive import Drive, Steps, Watcher
from sayna.speech.single_flight.part_file import PartFile, sweep
from sayna.speech.single_flight.producer import PartFileWriter, derive, follow, lead
from sayna.speech.single_flight.stream import SharedStream
from sayna.speech.single_flight.subscriber import Subscriber
from sayna.speech.single_flight.task import Form, SynthesisTask
from sayna.state.files import private_folder

MAX_PRODUCERS = 256
RETRY_SECONDS = 0.001

# The key becomes a file name.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class SingleFlight:
    """Shared streams by key; processes share them through `folder`, and without it each has its own.

    `max_producers` is the number of threads that move audio into streams and make their forms.
    """

    def __init__(self, folder: Path, *, max_producers: int = MAX_PRODUCERS) -> None:
        self._folder = folder
        self._max_producers = max_producers
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.speech"))
        # Reentrant: the garbage collector may end a stream while this very thread holds the lock.
        self._lock = threading.RLock()
        self._running: dict[str, SharedStream] = {}
        self._threads: tuple[ThreadPoolExecutor, Watcher] | None = None

    def join(
        self,
        key: str,
        task: SynthesisTask,
        *,
        form: Form | None = None,
        deadline: float = math.inf,
        is_client_connected: Callable[[], bool] = lambda: True,
        is_patient: bool = False,
    ) -> Subscriber:
        """Return a subscriber to the one synthesis of this key, in a form; `task` starts one when none runs.

        `deadline` is in seconds from now. A waiting subscriber calls `is_client_connected` twice a
        second. With `is_patient` the subscriber waits as long as the provider does, so its own thread may read the
        provider while it is the only one. Raises ValueError for a key that is not 1 to 128 letters, digits, `-` and
        `_`, and Overloaded when no thread can be started.
        """
        if not _KEY.fullmatch(key):
            raise ValueError("a single-flight key is 1 to 128 letters, digits, hyphens and underscores")
        attach, select = partial(self._attach, key, task, is_patient), partial(self._select, form)
        return Subscriber(attach, Deadline.after(deadline), is_client_connected, select)

    def close(self) -> None:
        """Wait for the running syntheses of this process and end its threads."""
        with self._lock:
            if (threads := self._threads) is None:
                return
            threads[1].close()
            self._threads = None
        threads[0].shutdown()

    def _attach(
        self, key: str, task: SynthesisTask, is_patient: bool, owner: Callable[[], Subscriber | None]
    ) -> SharedStream:
        """Return the running stream of the key with one subscriber more, or a new stream.

        A thread moves the audio of several subscribers, so that a slow or departing one affects no other one.
        """
        with self._lock:
            try:
                watcher = self._ready()[1]
            except RuntimeError as error:
                raise _no_thread() from error
            stream = self._running.get(key)
            if stream is not None and stream.enter():
                try:
                    if (drive := stream.drive) is not None:
                        drive.hand_over()
                except Overloaded:
                    stream.leave()
                    raise
                return stream
            stream = self._running[key] = SharedStream(owner)
            stream.enter()
            writer = PartFileWriter(self._rate_limited_log, task.has_followers)
            stream.drive = drive = Drive(self._steps(key, stream, writer, task), self._submit, stream, writer)
            watcher.add(drive)
            try:
                if not is_patient:
                    drive.hand_over()
            except Overloaded:
                # Otherwise the next request would wait for a stream that never starts.
                del self._running[key]
                stream.abandon()
                raise
            return stream

    def _select(self, form: Form | None, stream: SharedStream) -> SharedStream:
        """Return the stream of a form, which a thread makes for all subscribers, or the stream itself."""
        if form is None or not form.is_shared(stream.spec):
            return stream
        shared, is_new = stream.form(form.name)
        if is_new:
            try:
                if (drive := stream.drive) is not None:
                    drive.hand_over()
                run = contextvars.copy_context().run
                self._submit(partial(run, derive, stream, shared, form))
            except Overloaded:
                shared.abandon()
                raise
        return shared

    def _submit(self, call: Callable[[], object]) -> None:
        # Without the lock: a thread that hands over holds that of its stream, and _attach takes them the other way.
        threads = self._threads
        if threads is None:
            raise _no_thread()
        try:
            threads[0].submit(call)
        except RuntimeError as error:
            raise _no_thread() from error

    def _ready(self) -> tuple[ThreadPoolExecutor, Watcher]:
        """Return the threads of this process."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._max_producers, thread_name_prefix="producer"), Watcher()
            # A leader that was killed leaves its file; the kernel has dropped its locks.
            sweep(self._folder)
        return self._threads

    def _steps(self, key: str, stream: SharedStream, writer: PartFileWriter, task: SynthesisTask) -> Steps:
        """Lead or follow until the stream has ended and its audio is stored; yield whether a thread must go on."""
        try:
            part = yield from self._open(key, stream)
            if part is not None and not part.is_leader:
                with closing(part):
                    yield from follow(stream, part)
                return
            writer.part = part

            def cancel() -> None:
                """Wake a producer that waits for a silent provider."""
                if stream.cancel_if_unused(writer.has_followers):
                    task.cancel()

            stream.on_abandoned = cancel
            # A subscriber that left before that line has cancelled nothing.
            if not stream.cancel_if_unused(writer.has_followers):
                yield from lead(stream, writer, task)
        finally:
            writer.close()
            stream.abandon()
            with self._lock:
                if self._running.get(key) is stream:
                    del self._running[key]

    def _open(self, key: str, stream: SharedStream) -> Generator[bool, None, PartFile | None]:
        """Return the part file, None when it cannot be shared; yield True while another process removes it."""
        try:
            path = private_folder(self._folder) / f"{key}.part"
            while (part := PartFile.open(path)) is None and not stream.cancel_if_unused(lambda: False):
                # That process may stand still: a thread of its own waits, so that the subscriber can leave.
                yield True
                time.sleep(RETRY_SECONDS)
        except OSError as error:
            self._rate_limited_log.warn("a synthesis cannot be shared with other processes: %r", error)
            return None
        return part


def _no_thread() -> Overloaded:
    return Overloaded("no thread is free to render speech; try again", retry_after=1)
