"""What GET /voices knows: the lists of all configured vendors, which are stale and which are missing."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, as_completed, wait
from dataclasses import dataclass

from sayna.errors import ProviderError, ProviderNotConfigured, UnknownProvider
from sayna.http import Deadline
from sayna.providers import ALIASES
from sayna.providers.base import TTSProvider
from sayna.speech.voices.refresh import Refresher
from sayna.speech.voices.store import VoiceList, VoiceListStore

# What of the time is for the vendors; the rest is for the answer.
VENDORS_SHARE = 0.96
# How long the one request that renews a list waits for it before it is served the old one.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The lists by vendor, the preferred one first; `stale` of these are older than they should be."""

    lists: Mapping[str, VoiceList]
    stale: tuple[str, ...]
    failed: tuple[str, ...]


class Catalogue:
    """Every voice of every configured vendor."""

    def __init__(
        self,
        providers: Mapping[str, TTSProvider],
        shelves: Mapping[str, VoiceListStore],
        *,
        ttl_seconds: float,
        timeout_seconds: float,
    ) -> None:
        self._providers = providers
        self._shelves = shelves
        self._seconds = timeout_seconds * VENDORS_SHARE
        self._refresher = Refresher(providers, shelves, ttl_seconds)

    def listing(self, provider: str = "", answered: Callable[[str], object] = lambda slug: None) -> Listing:
        """Return the lists of all vendors or of one, after `timeout_seconds` at the latest.

        `answered` hears of each vendor that was asked. Raises UnknownProvider, ProviderNotConfigured;
        ProviderError when there is no list of the one vendor, or of any cloud vendor.
        """
        slugs = self.slugs(provider)
        lists = self._read(slugs)
        if due := [slug for slug in slugs if not self._refresher.fresh(lists.get(slug))]:
            self._renew(due, answered)
            lists = self._read(slugs)
        failed = tuple(slug for slug in slugs if slug not in lists)
        clouds = [slug for slug in slugs if not self._providers[slug].local]
        # The contract's: the embedded voices must not hide that every cloud is silent.
        if (provider and failed) or (clouds and not any(slug in lists for slug in clouds)):
            raise ProviderError(f"no list of voices could be had from {', '.join(failed)}; try again soon")
        stale = tuple(slug for slug, listed in lists.items() if not self._refresher.fresh(listed))
        return Listing(lists, stale, failed)

    def slugs(self, provider: str = "") -> tuple[str, ...]:
        """Return the vendors that are asked; raises UnknownProvider, ProviderNotConfigured."""
        if not provider:
            return tuple(slug for slug, each in self._providers.items() if each.configured)
        slug = ALIASES.get(provider.lower(), provider.lower())
        if slug not in self._providers:
            raise UnknownProvider(f"provider is unknown; send one of {', '.join(sorted(self._providers))}")
        vendor = self._providers[slug]
        if not vendor.configured:
            raise ProviderNotConfigured(vendor.how_to_configure or f"{slug} is not configured on this server")
        return (slug,)

    def close(self) -> None:
        """End the threads of this process."""
        self._refresher.close()

    def _read(self, slugs: Iterable[str]) -> dict[str, VoiceList]:
        return {slug: listed for slug in slugs if (listed := self._shelves[slug].read())}

    def _renew(self, due: Iterable[str], answered: Callable[[str], object]) -> None:
        deadline = Deadline.after(self._seconds)
        firsts: dict[Future[None], str] = {}
        renewals: list[Future[None]] = []
        for slug in due:
            begun = self._refresher.begin(slug, deadline)
            if begun and not self._shelves[slug].read():
                firsts[begun[0]] = slug
            elif begun and begun[1]:
                renewals.append(begun[0])
        wait(renewals, min(PATIENCE_SECONDS, deadline.remaining()))
        try:
            for done in as_completed(firsts, deadline.remaining()):
                answered(firsts[done])
        except TimeoutError:
            return
