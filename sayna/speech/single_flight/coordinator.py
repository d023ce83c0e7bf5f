"""One synthesis per key at a time over all threads and processes; every request for the key reads it live."""

import contextvars
import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sayna.errors import Overloaded
from sayna.http import Deadline
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.part_file import PartFile, sweep
from sayna.speech.single_flight.producer import PartFileWriter, derive, follow, lead
from sayna.speech.single_flight.stream import SharedStream
from sayna.speech.single_flight.subscriber import Subscriber
from sayna.speech.single_flight.task import Form, SynthesisTask
from sayna.state.files import private_folder

MAX_PRODUCERS = 256

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
        self._pid = 0
        self._lock = threading.Lock()
        self._running: dict[str, SharedStream] = {}
        self._producers: ThreadPoolExecutor | None = None

    def join(
        self,
        key: str,
        task: SynthesisTask,
        *,
        form: Form | None = None,
        deadline: Deadline | float | None = None,
        is_client_connected: Callable[[], bool] = lambda: True,
    ) -> Subscriber:
        """Return a subscriber to the one synthesis of this key, in a form; `task` starts one when none runs.

        `deadline` is a moment, or seconds from now. A waiting subscriber calls `is_client_connected` twice a
        second. Raises ValueError for a key that is not 1 to 128 letters, digits, `-` and `_`, and Overloaded
        when no thread can be started.
        """
        if not _KEY.fullmatch(key):
            raise ValueError("a single-flight key is 1 to 128 letters, digits, hyphens and underscores")
        until = Deadline.after(deadline) if isinstance(deadline, int | float) else deadline
        select = partial(self._select, form) if form else lambda stream: stream
        return Subscriber(partial(self._attach, key, task), until, is_client_connected, select)

    def close(self) -> None:
        """Wait for the running syntheses of this process and end its threads."""
        with self._lock:
            producers, self._producers = self._producers, None
        if producers is not None and self._pid == os.getpid():
            producers.shutdown()

    def _attach(self, key: str, task: SynthesisTask, owner: object) -> SharedStream:
        """Return the running stream of the key with one subscriber more, or a new stream."""
        with self._lock:
            self._ready()
            stream = self._running.get(key)
            if stream is not None and stream.enter():
                return stream
            stream = self._running[key] = SharedStream(owner)
            stream.enter()
            # A producer has its own thread, so a slow or departing subscriber affects no other one.
            try:
                self._submit(partial(self._run, key, stream, task))
            except Overloaded:
                # Otherwise the next request would wait for a stream that never starts.
                del self._running[key]
                stream.leave()
                stream.abandon()
                raise
            return stream

    def _select(self, form: Form, stream: SharedStream) -> SharedStream:
        """Return the stream of a form, which a thread makes for all subscribers, or the stream itself."""
        if not form.is_shared(stream.spec):
            return stream
        shared, is_new = stream.form(form.name)
        if is_new:
            try:
                with self._lock:
                    self._submit(partial(derive, stream, shared, form))
            except Overloaded:
                shared.abandon()
                raise
        return shared

    def _submit(self, call: Callable[[], None]) -> None:
        try:
            self._ready().submit(contextvars.copy_context().run, call)
        except RuntimeError as error:
            raise Overloaded("no thread is free to render speech; try again", retry_after=1) from error

    def _ready(self) -> ThreadPoolExecutor:
        """Return the producer threads of this process; after a fork the parent's streams are dropped."""
        if self._producers is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._running = {}
            self._producers = ThreadPoolExecutor(self._max_producers, thread_name_prefix="producer")
            # A leader that was killed leaves its file; the kernel has dropped its locks.
            sweep(self._folder)
        return self._producers

    def _run(self, key: str, stream: SharedStream, task: SynthesisTask) -> None:
        """Lead or follow until the stream has ended and its audio is stored."""
        part = self._open(key)
        writer = PartFileWriter(part, self._rate_limited_log, task.has_followers)
        try:
            if part is not None and not part.is_leader:
                follow(stream, part)
            else:
                stream.on_abandoned = partial(_cancel, stream, writer, task)
                # A subscriber that left before that line has cancelled nothing.
                if not stream.cancel_if_unused(writer.has_followers):
                    lead(stream, writer, task)
        finally:
            stream.abandon()
            self._retire(key, stream)
            writer.close()

    def _retire(self, key: str, stream: SharedStream) -> None:
        with self._lock:
            if self._running.get(key) is stream:
                del self._running[key]

    def _open(self, key: str) -> PartFile | None:
        try:
            return PartFile.open(private_folder(self._folder) / f"{key}.part")
        except OSError as error:
            self._rate_limited_log.warn("a synthesis cannot be shared with other processes: %r", error)
            return None


def _cancel(stream: SharedStream, writer: PartFileWriter, task: SynthesisTask) -> None:
    """Wake a producer that waits for a silent provider, once its stream has no subscriber."""
    if stream.cancel_if_unused(writer.has_followers):
        task.cancel()
