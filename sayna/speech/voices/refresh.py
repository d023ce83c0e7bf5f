"""Fetches the lists of providers in parallel, each list by one worker at a time."""

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

# Pause after a failed fetch, unless the provider's Retry-After asks for more, up to the maximum.
PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 60.0

logger = logging.getLogger("sayna.voices")


class Refresher:
    """Renews the stored lists; its threads start with the first list that is due in a process."""

    def __init__(
        self, providers: Mapping[str, TTSProvider], stores: Mapping[str, VoiceListStore], ttl_seconds: float
    ) -> None:
        self._providers = providers
        self._stores = stores
        self._ttl = ttl_seconds
        self._lock = threading.Lock()
        self._pid = 0
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Future[None]] = {}
        self._paused_until: dict[str, float] = {}

    def is_fresh(self, listed: VoiceList | None) -> bool:
        """Return whether a list exists and is younger than the time to live."""
        return listed is not None and 0 <= listed.age() < self._ttl

    def start(self, slug: str, deadline: Deadline) -> tuple[Future[None], bool] | None:
        """Return the running refresh, and whether this call started it; None during the pause after a failure."""
        with self._lock:
            pool = self._ready()
            running = self._running.get(slug)
            if running is not None and not running.done():
                return running, False
            if time.monotonic() < self._paused_until.get(slug, 0.0):
                return None
            # Copy the context, because the log takes the request_id from it.
            run = contextvars.copy_context().run
            running = self._running[slug] = pool.submit(run, self._fetch, slug, deadline)
            return running, True

    def close(self) -> None:
        """End the threads without waiting for running fetches."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.shutdown(wait=False, cancel_futures=True)

    def _ready(self) -> ThreadPoolExecutor:
        if self._pool is None or self._pid != os.getpid():
            self._pid, self._running = os.getpid(), {}
            # One thread for each provider, so that no list waits behind a slow provider.
            self._pool = ThreadPoolExecutor(len(self._providers), thread_name_prefix="voices")
        return self._pool

    def _fetch(self, slug: str, deadline: Deadline) -> None:
        store = self._stores[slug]
        try:
            # With an old list to serve, do not wait for the worker that fetches a new one.
            with store.lead(0 if store.read() else deadline.remaining()):
                if not self.is_fresh(store.read()):
                    provider = self._providers[slug]
                    store.write(VoiceList(normalize(provider.list_voices(deadline), provider), time.time()))
        except TimeoutError:
            emit(logger, logging.INFO, "voices_asked_elsewhere", provider=slug)
        except SaynaError as error:
            self._pause(slug, error.retry_after or 0)
            emit(logger, logging.WARNING, "voices_failed", provider=slug, code=error.code)
        # A bug in one adapter must not cost the lists of the other providers.
        except Exception:
            self._pause(slug, 0)
            logger.exception("voices_failed", extra={"fields": {"provider": slug}})

    def _pause(self, slug: str, retry_after: float) -> None:
        self._paused_until[slug] = time.monotonic() + min(MAX_PAUSE_SECONDS, max(PAUSE_SECONDS, retry_after))
