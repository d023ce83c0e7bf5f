"""The services that blueprints and commands use, built once from the configuration."""

import atexit
import hashlib
import hmac
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from sayna import http
from sayna.auth import Authenticator, Proxies
from sayna.config import Config, Secret
from sayna.config.server import waiting_places
from sayna.engines.pool import EnginePool
from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider
from sayna.providers.local import LocalProvider
from sayna.recordings import open_library, retention_threads
from sayna.recordings.library import Library
from sayna.recordings.recorder import Recorder
from sayna.recordings.removal import Remover
from sayna.schemas.speak import load_target
from sayna.sip.hooks import Hooks
from sayna.speech.cache import AudioCache
from sayna.speech.clips import ClipService, clip_signer
from sayna.speech.fallback import FallbackSpeech
from sayna.speech.machines import Machines, clip_threads, open_machines
from sayna.speech.provider_calls import ProviderCalls
from sayna.speech.service import SpeechService, SynthesisLimiter
from sayna.speech.single_flight import SingleFlight
from sayna.speech.usage import UsageMeter
from sayna.speech.voice_planner import VoicePlanner
from sayna.speech.voices.catalogue import VoiceCatalogue
from sayna.speech.voices.encoding import EncodedVoicesCache
from sayna.speech.voices.store import VoiceListStore
from sayna.state.embedded import SharedState, embedded_state
from sayna.state.failure_counter import FailureLimiter
from sayna.state.files import Check
from sayna.state.leader import LeaderThread
from sayna.state.secret import server_secret

if TYPE_CHECKING:
    from sayna.livekit.livekit_client import LiveKit
    from sayna.sip.telephony import Telephony


@dataclass(frozen=True, slots=True)
class Services:
    """Everything with a life longer than a request."""

    config: Config
    authenticator: Authenticator | None
    failure_limiter: FailureLimiter | None
    proxies: Proxies
    providers: dict[str, TTSProvider]
    planner: VoicePlanner
    cache: AudioCache
    single_flight: SingleFlight
    usage: UsageMeter
    speech: SpeechService
    fallback: FallbackSpeech
    clips: ClipService
    catalogue: VoiceCatalogue
    hooks: Hooks
    state: SharedState
    livekit: "LiveKit | None"
    telephony: "Telephony | None"
    recordings: Library | None
    recorder: Recorder | None
    remover: Remover | None
    threads: tuple[LeaderThread, ...]
    encoded_voices: EncodedVoicesCache = field(default_factory=EncodedVoicesCache)

    def checks(self) -> dict[str, Check]:
        """Return what readiness depends on, each asked as the work asks it; no vendor is called."""
        redis = self.state.check()
        checks: dict[str, Check] = {
            "cache": self.cache.check(),
            "providers": _of_providers([provider.check() for provider in self.providers.values()]),
            "piper": self.providers["piper"].check(),
            "recordings": self.recordings.check().status if self.recordings else "off",
            "hooks": self.hooks.check(),
            "events": self.state.outbox.check() if self.telephony else "off",
        }
        # Speech needs no Redis, and without it every machine would leave the balancer at the same time.
        if redis == "failed":
            checks |= {name: "warn" for name in ("hooks", "events") if checks[name] == "failed"}
        return {**checks, "redis": redis}

    def exposed_keys(self) -> list[str]:
        """Return the vendors whose keys every client of the network can use: authentication is off."""
        if self.config.auth.required or self.config.server.is_local:
            return []
        return [slug for slug, provider in self.providers.items() if provider.configured and not provider.local]

    def start(self) -> None:
        """Start the threads of a process that serves requests."""
        for thread in self._all_threads():
            thread.start()

    def close(self) -> None:
        """End the threads and files of this process, and let the pool of engines go."""
        for thread in self._all_threads():
            thread.close()
        self.usage.close()
        self.catalogue.close()
        if self.livekit is not None:
            self.livekit.bridge.close()
        self.single_flight.close()
        for provider in self.providers.values():
            provider.close()
        self.cache.close()

    def _all_threads(self) -> tuple[LeaderThread, ...]:
        return (self.telephony.threads if self.telephony else ()) + self.threads


def build(config: Config) -> Services:
    """Return the services of a process; the first request that needs a connection, thread or database opens it."""
    http.set_way_out(config.outbound)
    secret = server_secret(config.fleet.secret, config.cache.path)
    folder = _shared_folder(config)
    providers = _providers(config, EnginePool(folder))
    single_flight = SingleFlight(folder / "flights", max_producers=2 * config.server.threads)
    state = _state(config, folder)
    cache, machines = _cache(config, state, secret)
    hooks = Hooks(config, state.hooks)
    livekit = _livekit(config, state)
    recordings = open_library(config.recording, secret)
    catalogue = _catalogue(config, providers, secret)
    recorder = Recorder(recordings, livekit.egress, config.recording) if recordings and livekit else None
    remover = Remover(recordings, recorder.egresses if recorder else None) if recordings else None
    limiter = SynthesisLimiter(waiting_places(config.server.threads))
    telephony = _telephony(config, livekit, hooks, state, limiter=limiter, recorder=recorder) if livekit else None
    return Services(
        config=config,
        authenticator=Authenticator(config.auth) if config.auth.required else None,
        failure_limiter=FailureLimiter(config.auth.failures_per_minute) if config.auth.failures_limited else None,
        proxies=Proxies(config.server.forwarded_allow_ips),
        providers=providers,
        planner=(planner := VoicePlanner(providers, config, secret, load_target, catalogue.known_voices, cache.get)),
        cache=cache,
        single_flight=single_flight,
        usage=(paid := UsageMeter(state.usage, config.usage.limit, telephony.events.warn_quota if telephony else None)),
        speech=(speech := SpeechService(cache, single_flight, limiter, _calls(config, state, paid), machines)),
        fallback=(fallback := FallbackSpeech(speech, limiter)),
        clips=ClipService(clip_signer(config), planner, fallback, config.auth),
        catalogue=catalogue,
        hooks=hooks,
        state=state,
        livekit=livekit,
        telephony=telephony,
        recordings=recordings,
        recorder=recorder,
        remover=remover,
        threads=retention_threads(config.recording, remover, state) + clip_threads(machines, state),
    )


def _providers(config: Config, pool: EnginePool) -> dict[str, TTSProvider]:
    providers = {slug: provider(getattr(config.providers, slug)) for slug, provider in PROVIDERS.items()}
    for provider in providers.values():
        if isinstance(provider, LocalProvider):
            provider.pool = pool
    return providers


def _cache(config: Config, state: SharedState, secret: bytes) -> tuple[AudioCache, Machines | None]:
    cache = AudioCache(config.cache.path, ttl_seconds=config.cache.ttl_seconds, max_bytes=config.cache.max_bytes)
    return cache, open_machines(config, state, cache, secret)


def _calls(config: Config, state: SharedState, meter: UsageMeter) -> ProviderCalls:
    return ProviderCalls(meter, state.slots, config.usage)


def _state(config: Config, folder: Path) -> SharedState:
    if config.fleet.redis is None:
        return embedded_state(config, folder)
    from sayna.state.redis.shared_state import redis_state  # noqa: PLC0415 - redis-py takes 0.2 s and 21 MB to load

    return redis_state(config, config.fleet.redis, folder)


def _livekit(config: Config, state: SharedState) -> "LiveKit | None":
    key, secret = config.livekit.api_key, config.livekit.api_secret
    if key is None or secret is None:
        return None
    from sayna.livekit.livekit_client import LiveKit  # noqa: PLC0415 - asyncio is a tenth of the start time

    return LiveKit.build(config.livekit, key, secret, state.rooms)


def _telephony(
    config: Config,
    livekit: "LiveKit",
    hooks: Hooks,
    state: SharedState,
    *,
    limiter: SynthesisLimiter,
    recorder: Recorder | None,
) -> "Telephony":
    from sayna.sip.telephony import Telephony  # noqa: PLC0415 - as above

    ended = recorder.egresses.ended if recorder else None
    return Telephony.build(config, livekit, hooks, state, places=limiter, ended_recording=ended)


def _of_providers(checks: Sequence[Check]) -> Check:
    """Return one check for all: `failed` when no configured provider is usable, `warn` when some or none are."""
    configured = [check for check in checks if check != "off"]
    if configured and "ok" not in configured:
        return "failed"
    return "ok" if configured and set(configured) == {"ok"} else "warn"


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
    # Keyed, because the digest is on disk, where a plain digest would let a reader guess a short key.
    account = hmac.new(secret, json.dumps(plain, sort_keys=True).encode(), hashlib.sha256).hexdigest()
    return VoiceListStore(config.cache.path / "voices" / f"{slug}.json" if config.cache.path else None, account)


def _shared_folder(config: Config) -> Path:
    """Return the folder that workers share: CACHE_PATH, otherwise a private one that ends with this process."""
    if config.cache.path is not None:
        return config.cache.path
    folder = Path(tempfile.mkdtemp(prefix="sayna-"))
    # Exit handlers also run in forked workers, while other workers still use the folder.
    creator = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == creator else None)
    return folder
