"""The settings of the process itself: server, speech, cache, usage, metrics and pages."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config.auth import MAX_CHARACTERS
from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import Secret, boolean, choice, folder, integer, list_of, matching, network, number, path, token
from sayna.config.urls import PORT
from sayna.config.vendors import provider_slug

_host = matching(r"[A-Za-z0-9.:_-]{1,253}", "a host name or an address")
_bind = matching(rf"unix:/[\x21-\x7e]+|fd://[0-9]+|[\x21-\x7e]+:({PORT}|0)", "unix:/path, fd://number or host:port")

_proxy = SettingType(lambda text: text if text == "*" else network.parse(text), f"{network.wants}, or *")
_limit = integer(1, 10_000)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where and how the server listens; times in seconds."""

    config_path: Path | None = setting("SAYNA_CONFIG", path, None, yaml="")
    host: str = setting("HOST", _host, "0.0.0.0")  # noqa: S104
    port: int = setting("PORT", integer(1, 65535), 3001)
    # A setting with a computed default is named ..._setting; the property without that suffix computes it.
    bind_setting: str | None = setting("BIND", _bind, None)
    # Each worker has its own interpreter lock; more threads wait for more slow providers at a time.
    # Measured with 100 renderings under way: hits within 8.4 ms (p99) with 4 x 64, 12.1 ms with 2 x 128.
    workers: int = setting("WEB_CONCURRENCY", integer(1, 256), 4)
    threads: int = setting("WEB_THREADS", integer(1, 1024), 64)
    # gunicorn's own default.
    graceful_timeout: int = setting("GRACEFUL_TIMEOUT", integer(1, 3600), 30)
    log_level: str = setting("LOG_LEVEL", choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO")
    log_format_setting: str | None = setting(
        "LOG_FORMAT", choice("json", "console"), None, shown="json; console on a terminal"
    )
    # nginx in front has the same limit; this one works without nginx, for chunked bodies too.
    max_body_bytes: int = setting("MAX_BODY_BYTES", integer(1024, 2**30), 1048576)
    forwarded_allow_ips: tuple[str, ...] = setting("FORWARDED_ALLOW_IPS", list_of(_proxy), ("127.0.0.1", "::1"))

    @property
    def bind(self) -> str:
        """What the server listens on, in gunicorn's spelling."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.bind_setting or f"{host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can connect."""
        host = self.bind.rpartition(":")[0].strip("[]")
        return self.bind.startswith(("unix:", "fd:")) or host in ("localhost", "::1") or host.startswith("127.")

    @property
    def log_format(self) -> str:
        """The form that was set, else `console` on a terminal, else `json`."""
        # Computed at each call, because standard error may be redirected after the settings are read.
        return self.log_format_setting or ("console" if sys.stderr.isatty() else "json")


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """Texts and voices of every provider."""

    default_tts_provider: str | None = setting(
        "DEFAULT_TTS_PROVIDER", provider_slug, None, shown="the first configured one"
    )
    voices_path: Path | None = setting("VOICES_PATH", path, None)
    default_voice: str | None = setting(
        "DEFAULT_VOICE", matching(r"[^\x00-\x1f\x7f]{1,192}", "a voice of VOICES_PATH, or provider/voice_id"), None
    )
    lexicon_path: Path | None = setting("LEXICON_PATH", folder, None)
    # Vendors charge by the character.
    max_text_chars: int = setting("MAX_TEXT_CHARS", integer(1, 1_000_000), 5000)
    voices_ttl_seconds: int = setting("VOICES_TTL_SECONDS", integer(1, 10**9), 3600)
    # All providers are called in parallel, so this is also the timeout of all of them together.
    voices_timeout_seconds: float = setting("VOICES_TIMEOUT_SECONDS", number(0.1, 60), 5.0)


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """The audio cache; without a path it is in memory, per process."""

    path: Path | None = setting("CACHE_PATH", path, None)
    # 30 days, the default of the reference server.
    ttl_seconds: int = setting("CACHE_TTL_SECONDS", integer(1, 10**9), 2592000)
    max_bytes: int = setting("CACHE_MAX_BYTES", integer(2**20, 2**50), 2**30)


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """GET /metrics for Prometheus."""

    enabled: bool = setting("METRICS_ENABLED", boolean, False)
    token: Secret | None = setting("METRICS_TOKEN", token, None)


@dataclass(frozen=True, slots=True)
class DocsConfig:
    """The pages for people."""

    api_docs_enabled: bool = setting("API_DOCS_ENABLED", boolean, True, yaml="server.api_docs_enabled")
    studio_enabled: bool = setting("STUDIO_ENABLED", boolean, True, yaml="server.studio_enabled")
    help_enabled: bool = setting("HELP_ENABLED", boolean, True, yaml="server.help_enabled")


def waiting_places(threads: int) -> int:
    """Return how many threads of a worker may wait for a synthesis; up to 8 others serve cached audio and health."""
    # With as many syntheses as threads, the slowest hits took 851 ms instead of 6.5 ms (measured).
    return max(1, threads - min(8, max(2, threads // 8)))


def _vendor_limit(text: str) -> tuple[str, int]:
    slug, equals, number = text.partition("=")
    if not equals:
        raise InvalidValue("has no = between a provider and a number")
    return provider_slug.parse(slug.strip()), _limit.parse(number.strip())


_vendor_limits = list_of(SettingType(_vendor_limit, "providers with a number each, such as elevenlabs=5,cartesia=3"))


@dataclass(frozen=True, slots=True)
class UsageConfig:
    """Limits on the synthesis by vendors."""

    # In characters.
    limit: int | None = setting(
        "TENANT_CHARACTERS_PER_MONTH",
        integer(0, MAX_CHARACTERS),
        None,
        yaml="usage.characters_per_month",
        shown="no limit",
    )
    vendor_concurrency: tuple[tuple[str, int], ...] = setting(
        "VENDOR_CONCURRENCY", _vendor_limits, (), shown="no limit"
    )
    tenant_concurrency: int | None = setting("TENANT_CONCURRENCY", _limit, None, shown="no limit")

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for a provider with two limits."""
        slugs = [slug for slug, _ in self.vendor_concurrency]
        if len(set(slugs)) < len(slugs):
            yield "VENDOR_CONCURRENCY names a provider twice; set one number for each."
