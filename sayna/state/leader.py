"""One worker of all does a job; when that worker ends, another takes the job over within a second."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.state.files import is_same, lock, open_private, private_folder
from sayna.state.ports import Leader

RETRY_INTERVAL = 1.0  # seconds
CLOSE_SECONDS = 2.0

Job = Callable[[threading.Event], None]

logger = logging.getLogger("sayna.state")


class FileLeader(Leader):
    """The embedded Leader: the worker leads that holds the lock of `folder`/JOB.lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def term(self, job: str, stop: threading.Event) -> Iterator[threading.Event | None]:
        path = private_folder(self._folder) / f"{job}.lock"
        descriptor = open_private(path)
        try:
            # The kernel frees the lock with the process, kill -9 included, so a leader loses it only with the file.
            yield _FileTerm(stop, descriptor, path) if lock(descriptor) else None
        finally:
            os.close(descriptor)


class _FileTerm(threading.Event):
    """Is set when the worker stops, and when the lock file was removed, because another worker leads by a new one."""

    def __init__(self, stop: threading.Event, descriptor: int, path: Path) -> None:
        super().__init__()
        self._stop, self._descriptor, self._path = stop, descriptor, path

    def is_set(self) -> bool:
        return self._stop.is_set() or not is_same(self._descriptor, self._path)

    def wait(self, timeout: float | None = None) -> bool:
        return self._stop.wait(timeout) or self.is_set()


class LeaderThread:
    """Runs a job in a thread while this worker leads; the job returns when its event is set."""

    def __init__(self, leader: Leader, name: str, job: Job) -> None:
        self._leader = leader
        self._name = name
        self._job = job
        self._rate_limited_log = RateLimitedLogger(logger)
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._pid: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to lead or to wait for it; a second call in one process changes nothing."""
        with self._starting:
            if self._pid != os.getpid():
                # A new event after a fork: the parent may have set the old one.
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stop,), name=self._name, daemon=True)
                self._thread.start()
                self._pid = os.getpid()

    def close(self) -> None:
        """Stop leading; work that the job has begun may end a moment later."""
        if self._pid == os.getpid() and self._thread is not None:
            self._stop.set()
            self._thread.join(CLOSE_SECONDS)
            self._pid = None

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with self._leader.term(self._name, stop) as term:
                    if term is not None:
                        self._job(term)
            except StoreUnavailable:
                # The store has logged the reason.
                pass
            except OSError as error:
                self._rate_limited_log.warn("%s.lock cannot be locked: %s", self._name, error)
            except Exception:  # the job begins again after every error
                logger.exception("%s failed", self._name)
            stop.wait(RETRY_INTERVAL)
