"""Asking vendors for their lists: side by side, and each by one worker at a time."""

import contextvars
import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from sayna.errors import SaynaError
from sayna.http import Deadline
from sayna.log import emit
from sayna.providers.base import TTSProvider
from sayna.speech.voices.normalize import normalize
from sayna.speech.voices.store import VoiceList, VoiceListStore

# A vendor that failed is left alone for as long, or for as long as it asks.
OPEN_SECONDS = 2.0
MAX_REST_SECONDS = 60.0

logger = logging.getLogger("sayna.voices")


class Refresher:
    """Renews the shelves; its threads begin with the first list that is due in a process."""

    def __init__(
        self, providers: Mapping[str, TTSProvider], shelves: Mapping[str, VoiceListStore], ttl_seconds: float
    ) -> None:
        self._providers = providers
        self._shelves = shelves
        self._ttl = ttl_seconds
        self._lock = threading.Lock()
        self._pid = 0
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Future[None]] = {}
        self._rests_until: dict[str, float] = {}

    def fresh(self, listed: VoiceList | None) -> bool:
        """Return whether a list is there and young enough."""
        return listed is not None and 0 <= listed.age() < self._ttl

    def begin(self, slug: str, deadline: Deadline) -> tuple[Future[None], bool] | None:
        """Return the refresh under way, and whether it was begun just now; None while the vendor rests."""
        with self._lock:
            pool = self._ready()
            running = self._running.get(slug)
            if running is not None and not running.done():
                return running, False
            if time.monotonic() < self._rests_until.get(slug, 0.0):
                return None
            # The log's request_id goes along.
            ask = contextvars.copy_context().run
            running = self._running[slug] = pool.submit(ask, self._ask, slug, deadline)
            return running, True

    def close(self) -> None:
        """End the threads; lists that are being asked for are not waited for."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.shutdown(wait=False, cancel_futures=True)

    def _ready(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pid != os.getpid():
            self._pid, self._running = os.getpid(), {}
            # One for each vendor, so that none waits for a thread behind a slow one.
            self._pool = ThreadPoolExecutor(len(self._providers), thread_name_prefix="voices")
        return self._pool

    def _ask(self, slug: str, deadline: Deadline) -> None:
        shelf = self._shelves[slug]
        try:
            # Who has a list to serve does not wait for the worker that asks.
            with shelf.lead(0 if shelf.read() else deadline.remaining()):
                if not self.fresh(shelf.read()):
                    provider = self._providers[slug]
                    shelf.write(VoiceList(normalize(provider.list_voices(deadline), provider), time.time()))
        except TimeoutError:
            emit(logger, logging.INFO, "voices_asked_elsewhere", provider=slug)
        except SaynaError as error:
            self._rest(slug, error.retry_after or 0)
            emit(logger, logging.WARNING, "voices_failed", provider=slug, code=error.code)
        # Whatever a vendor's list does to its adapter, the lists of the others must come.
        except Exception:
            self._rest(slug, 0)
            logger.exception("voices_failed", extra={"fields": {"provider": slug}})

    def _rest(self, slug: str, asked: float) -> None:
        self._rests_until[slug] = time.monotonic() + min(MAX_REST_SECONDS, max(OPEN_SECONDS, asked))
