"""The voice lists of all configured providers; which are stale, and which are missing."""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass

from sayna.errors import ProviderError, ProviderNotConfigured, SaynaError, UnknownProvider
from sayna.http import Deadline
from sayna.log import emit
from sayna.providers import ALIASES
from sayna.providers.base import TTSProvider
from sayna.speech.voices.languages import spoken
from sayna.speech.voices.normalize import normalize
from sayna.speech.voices.store import VoiceList, VoiceListStore

# The share of the timeout for the providers; the rest is for encoding the answer.
PROVIDERS_SHARE = 0.96
# The request that renews an old list waits this long, then it gets the old list.
RENEWAL_WAIT_SECONDS = 1.0
KNOWN_VOICES = 3
# Pause after a failed fetch, unless the provider's Retry-After asks for more, up to the maximum.
PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 60.0

logger = logging.getLogger("sayna.voices")


@dataclass(frozen=True, slots=True, eq=False)
class VoiceListing:
    """The lists by provider, the preferred one first; `stale` ones are older than VOICES_TTL_SECONDS.

    `refused` are the providers that have refused the server's own key lately.
    """

    lists: Mapping[str, VoiceList]
    stale: tuple[str, ...]
    failed: tuple[str, ...]
    refused: tuple[str, ...] = ()

    def restricted_to(self, is_allowed: Callable[[str], bool]) -> "VoiceListing":
        """Return the same listing with the allowed slugs only."""
        return VoiceListing(
            {slug: listed for slug, listed in self.lists.items() if is_allowed(slug)},
            tuple(filter(is_allowed, self.stale)),
            tuple(filter(is_allowed, self.failed)),
            tuple(filter(is_allowed, self.refused)),
        )


class VoiceCatalogue:
    """Every voice of every configured provider, kept in `stores` by slug; each list is fetched by one worker at a time.

    It is built before the fork, and its threads start after it, with the first list that is due.
    """

    def __init__(
        self,
        providers: Mapping[str, TTSProvider],
        stores: Mapping[str, VoiceListStore],
        *,
        ttl_seconds: float,
        timeout_seconds: float,
    ) -> None:
        self._providers = providers
        self._stores = stores
        self._seconds = timeout_seconds * PROVIDERS_SHARE
        self._ttl = ttl_seconds
        self._lock = threading.Lock()
        self._pool = self._new_pool()
        self._running: dict[str, Future[None]] = {}
        self._paused_until: dict[str, float] = {}

    def listing(self, provider: str = "", on_response: Callable[[str], object] = lambda slug: None) -> VoiceListing:
        """Return the lists of all providers or of one, after `timeout_seconds` at the latest.

        `on_response` gets the slug of each provider that was asked and has finished. Raises UnknownProvider,
        ProviderNotConfigured, and ProviderError when no list exists of the one provider or of any cloud provider.
        """
        slugs = self.slugs(provider)
        lists = self._read(slugs)
        if due := [slug for slug in slugs if not self._is_fresh(lists.get(slug))]:
            self._renew(due, on_response)
            lists = self._read(slugs)
        failed = tuple(slug for slug in slugs if slug not in lists)
        clouds = [slug for slug in slugs if not self._providers[slug].local]
        # Contract 2: the embedded voices must not hide that every cloud provider has failed.
        if (provider and failed) or (clouds and not any(slug in lists for slug in clouds)):
            raise ProviderError(self._reason(failed))
        stale = tuple(slug for slug, listed in lists.items() if not self._is_fresh(listed))
        return VoiceListing(lists, stale, failed, tuple(slug for slug in slugs if self._providers[slug].problem))

    def kept(self, provider: str = "") -> VoiceListing:
        """Return the lists that are there, without waiting for a vendor; missing ones are left out.

        Starts the renewal of lists that are due. Only the first list of a local provider is waited for, at most
        `timeout_seconds`. An unknown or unconfigured provider has no list.
        """
        try:
            slugs = self.slugs(provider)
        except (UnknownProvider, ProviderNotConfigured):
            slugs = ()
        deadline = Deadline.after(self._seconds)
        first_fetches = []
        for slug in slugs:
            listed = self._stores[slug].read()
            started = None if self._is_fresh(listed) else self._start(slug, deadline)
            if started and listed is None and self._providers[slug].local:
                first_fetches.append(started[0])
        wait(first_fetches, deadline.remaining())
        return VoiceListing(self._read(slugs), (), ())

    def slugs(self, provider: str = "") -> tuple[str, ...]:
        """Return the slugs that `provider` selects, all when empty; raises UnknownProvider, ProviderNotConfigured."""
        if not provider:
            return tuple(slug for slug, each in self._providers.items() if each.configured)
        slug = ALIASES.get(provider.lower(), provider.lower())
        if slug not in self._providers:
            raise UnknownProvider(f"provider is unknown; send one of {', '.join(sorted(self._providers))}")
        vendor = self._providers[slug]
        if not vendor.configured:
            raise ProviderNotConfigured(vendor.how_to_configure or f"{slug} is not configured on this server")
        return (slug,)

    def known_voices(self, slug: str, language: str) -> list[str]:
        """Return a few ids of a provider's voices for a language; a cloud provider is not called for them."""
        provider, listed = self._providers[slug], self._stores[slug].read()
        if listed is not None:
            voices = listed.voices
        else:
            voices = normalize(provider.list_voices(Deadline.after(self._seconds)), provider) if provider.local else ()
        return [voice.id for voice in voices if spoken(voice.languages, language)][:KNOWN_VOICES]

    def close(self) -> None:
        """End the threads of this process without waiting for running fetches; the next use starts new ones."""
        pool, self._pool = self._pool, self._new_pool()
        pool.shutdown(wait=False, cancel_futures=True)

    def _new_pool(self) -> ThreadPoolExecutor:
        # One thread for each provider, so that no list waits behind a slow provider.
        return ThreadPoolExecutor(len(self._providers), thread_name_prefix="voices")

    def _reason(self, failed: Iterable[str]) -> str:
        """Return why lists are missing: trying again helps only where no key was refused."""
        problems = {slug: self._providers[slug].problem for slug in failed}
        silent = ", ".join(slug for slug, problem in problems.items() if not problem)
        again = f"{silent} sent no list of voices; try again soon" if silent else ""
        return "; ".join(filter(None, (*problems.values(), again)))

    def _read(self, slugs: Iterable[str]) -> dict[str, VoiceList]:
        return {slug: listed for slug in slugs if (listed := self._stores[slug].read())}

    def _renew(self, due: Iterable[str], on_response: Callable[[str], object]) -> None:
        deadline = Deadline.after(self._seconds)
        first_fetches: dict[Future[None], str] = {}
        renewals: list[Future[None]] = []
        for slug in due:
            started = self._start(slug, deadline)
            if started and not self._stores[slug].read():
                first_fetches[started[0]] = slug
            elif started and started[1]:
                renewals.append(started[0])
        wait(renewals, min(RENEWAL_WAIT_SECONDS, deadline.remaining()))
        try:
            for done in as_completed(first_fetches, deadline.remaining()):
                on_response(first_fetches[done])
        except TimeoutError:
            return

    def _is_fresh(self, listed: VoiceList | None) -> bool:
        # The age is negative when the clock was set back.
        return listed is not None and 0 <= time.time() - listed.at < self._ttl

    def _start(self, slug: str, deadline: Deadline) -> tuple[Future[None], bool] | None:
        """Return the running refresh, and whether this call started it; None without a thread, or after a failure."""
        with self._lock:
            running = self._running.get(slug)
            if running is not None and not running.done():
                return running, False
            if time.monotonic() < self._paused_until.get(slug, 0.0):
                return None
            # Copy the context, because the log takes the request_id from it.
            run = contextvars.copy_context().run
            try:
                running = self._running[slug] = self._pool.submit(run, self._fetch, slug, deadline)
            except RuntimeError:
                # The machine gives no thread now; the fetch may begin with a later one.
                self._pause(slug, 0)
                return None
            return running, True

    def _fetch(self, slug: str, deadline: Deadline) -> None:
        store = self._stores[slug]
        try:
            # With an old list to serve, do not wait for the worker that fetches a new one.
            with store.lead(0 if store.read() else deadline.remaining()):
                if not self._is_fresh(store.read()):
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
