"""What the blueprints use, built once from the configuration."""

import atexit
import hashlib
import hmac
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from sayna import http
from sayna.auth import Authenticator, Proxies
from sayna.config import SLUGS, Config, Secret
from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider
from sayna.recordings import Library, Recorder, open_library
from sayna.sip import Sip
from sayna.speech.cache import AudioCache
from sayna.speech.plan import Planner
from sayna.speech.service import SpeechService, SynthesisLimiter
from sayna.speech.single_flight import SingleFlight
from sayna.speech.voices import EncodedVoicesCache, VoiceCatalogue, VoiceListStore
from sayna.state.failure_counter import FailureLimiter

if TYPE_CHECKING:
    from sayna.livekit import LiveKit


@dataclass(frozen=True, slots=True)
class Services:
    """Everything with a life longer than a request."""

    config: Config
    authenticator: Authenticator | None
    failure_limiter: FailureLimiter | None
    proxies: Proxies
    providers: dict[str, TTSProvider]
    planner: Planner
    cache: AudioCache
    single_flight: SingleFlight
    speech: SpeechService
    catalogue: VoiceCatalogue
    encoded_voices: EncodedVoicesCache
    livekit: "LiveKit | None"
    sip: Sip
    recordings: Library | None
    recorder: Recorder | None

    def checks(self) -> dict[str, bool]:
        """Return what readiness depends on; no vendor is called."""
        return {"cache": self.cache.check() in ("ok", "warn", "off")}

    def start(self) -> None:
        """Begin, in a process that serves, what goes on without a request."""
        self.sip.start()

    def close(self) -> None:
        """End the helper processes, threads and files of this process."""
        self.sip.close()
        self.catalogue.close()
        if self.livekit is not None:
            self.livekit.close()
        self.single_flight.close()
        for provider in self.providers.values():
            provider.close()
        self.cache.close()


def build(config: Config) -> Services:
    """Return the services of one process, or of all workers when called before the fork.

    Nothing here opens a connection, a thread or a database: those begin with the first request that needs
    them.
    """
    http.set_ca_certificates(config.outbound.authorities.pem if config.outbound.authorities else "")
    providers = {slug: PROVIDERS[slug](getattr(config.providers, slug)) for slug in SLUGS if slug in PROVIDERS}
    cache = AudioCache(config.cache.path, ttl_seconds=config.cache.ttl_seconds, max_bytes=config.cache.max_bytes)
    folder = _meeting_folder(config)
    single_flight = SingleFlight(folder / "flights", max_producers=config.server.threads)
    livekit = _livekit(config, folder / "livekit")
    sip = Sip.build(config, livekit, folder / "sip")
    if livekit is not None and sip.forwarding is not None:
        livekit = livekit.with_receiver(sip.forwarding)
    recordings = open_library(config.recording, cache.secret)
    return Services(
        config=config,
        authenticator=Authenticator(config.auth, http.post) if config.auth.required else None,
        failure_limiter=FailureLimiter(config.auth.failures_per_minute) if config.auth.failures_limited else None,
        proxies=Proxies(config.server.forwarded_allow_ips),
        providers=providers,
        planner=Planner(providers, config.speech, cache.secret),
        cache=cache,
        single_flight=single_flight,
        speech=SpeechService(cache, single_flight, SynthesisLimiter(misses(config.server.threads))),
        catalogue=_catalogue(config, providers, cache.secret),
        encoded_voices=EncodedVoicesCache(),
        livekit=livekit,
        sip=sip,
        recordings=recordings,
        recorder=Recorder(recordings, livekit.egress, config.recording) if recordings and livekit else None,
    )


def _livekit(config: Config, folder: Path) -> "LiveKit | None":
    if not config.livekit.configured:
        return None
    from sayna.livekit import LiveKit  # noqa: PLC0415 - with asyncio a tenth of a start that has no use for it

    return LiveKit.build(config.livekit, folder)


def misses(threads: int) -> int:
    """Return how many of a worker's threads may render: an eighth stays free for cached audio and health."""
    # With as many renderings as threads, the slowest hits took 851 ms instead of 6.5 ms (measured).
    return max(1, threads - max(2, threads // 8))


def _catalogue(config: Config, providers: dict[str, TTSProvider], secret: bytes) -> VoiceCatalogue:
    return VoiceCatalogue(
        providers,
        {slug: _voice_store(config, slug, secret) for slug in providers},
        ttl_seconds=config.speech.voices_ttl_seconds,
        timeout_seconds=config.speech.voices_timeout_seconds,
    )


def _voice_store(config: Config, slug: str, secret: bytes) -> VoiceListStore:
    """Return the store of a provider's list; a list that was fetched under other settings is ignored."""
    vendor = getattr(config.providers, slug)
    settings = {each.name: getattr(vendor, each.name) for each in fields(vendor)}
    plain = {name: value.reveal() if isinstance(value, Secret) else str(value) for name, value in settings.items()}
    # Keyed, because the digest lies on disk, where a plain one of a short key could be guessed.
    account = hmac.new(secret, json.dumps(plain, sort_keys=True).encode(), hashlib.sha256).hexdigest()
    return VoiceListStore(config.cache.path / "voices" / f"{slug}.json" if config.cache.path else None, account)


def _meeting_folder(config: Config) -> Path:
    """Return where the workers meet: the cache's folder, else a private one that goes with its maker."""
    if config.cache.path is not None:
        return config.cache.path
    folder = Path(tempfile.mkdtemp(prefix="sayna-"))
    # Exit handlers run in forked workers too, while others still meet there.
    maker = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == maker else None)
    return folder
