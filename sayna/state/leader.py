"""One process of many does a job; when it ends, another takes the job over within a second."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.state.files import lock, open_private, private_folder

STAND_BY_SECONDS = 1.0
END_SECONDS = 2.0

Job = Callable[[threading.Event], None]

logger = logging.getLogger("sayna.sip")
rate_limited_log = RateLimitedLogger(logger)


class Leader:
    """Runs a job, in a thread of its own, while this process holds the lock of that name.

    The job returns when the event that it gets is set.
    """

    def __init__(self, folder: Path, name: str, job: Job) -> None:
        self._file = folder / f"{name}.lock"
        self._job = job
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._pid: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to lead or to stand by; doing it again in the same process changes nothing."""
        if self._pid == os.getpid():
            return
        with self._starting:
            if self._pid != os.getpid():
                # A new one, for the parent's may have been set or waited for when it forked.
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stop,), daemon=True)
                self._thread.name = self._file.stem
                self._thread.start()
                self._pid = os.getpid()

    def close(self) -> None:
        """Let go; what the job has under way may end a moment later."""
        if self._pid == os.getpid() and self._thread is not None:
            self._stop.set()
            self._thread.join(END_SECONDS)
            self._pid = None

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._lead(stop)
            except OSError as error:
                rate_limited_log.warn("%s cannot be locked: %s", self._file.name, error)
            except Exception:  # whatever it was, the job is begun again
                logger.exception("%s failed", self._file.stem)
            stop.wait(STAND_BY_SECONDS)

    def _lead(self, stop: threading.Event) -> None:
        private_folder(self._file.parent)
        descriptor = open_private(self._file)
        try:
            # The kernel drops it with the process, kill -9 included: no leader has to be declared dead.
            if lock(descriptor):
                self._job(stop)
        finally:
            os.close(descriptor)
