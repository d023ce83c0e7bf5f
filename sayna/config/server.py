"""The settings of the process itself: server, speech, cache and pages."""

# ruff: noqa: RUF009 - setting() returns an immutable field

import sys
from dataclasses import dataclass
from pathlib import Path

from sayna.config.fields import SettingType, setting
from sayna.config.providers import SLUGS
from sayna.config.types import boolean, choice, integer, list_of, matching, network, number, path

_host = matching(r"[A-Za-z0-9.:_-]{1,253}", "a host name or an address")
_bind = matching(r"unix:/[\x21-\x7e]+|fd://[0-9]+|[\x21-\x7e]+:[0-9]{1,5}", "unix:/path, fd://number or host:port")


def _proxy(text: str) -> str:
    return text if text == "*" else network.parse(text)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where and how the server listens; times in seconds."""

    config_path: Path | None = setting("SAYNA_CONFIG", path, None, "YAML file with these same settings.")
    host: str = setting("HOST", _host, "0.0.0.0", "Address to listen on.", yaml="server.host")  # noqa: S104
    port: int = setting("PORT", integer(1, 65535), 3001, "Port to listen on.", yaml="server.port")
    # A setting whose default depends on others is kept as own_..., beside a property without it.
    bind_setting: str | None = setting(
        "BIND", _bind, None, "Socket to listen on, instead of HOST and PORT.", yaml="server.bind"
    )
    # More workers share fewer interpreter locks, more threads hold more slow vendors at a time.
    # Measured with 100 renderings under way: hits within 8.4 ms (p99) with 4 x 64, 12.1 ms with 2 x 128.
    workers: int = setting("WEB_CONCURRENCY", integer(1, 256), 4, "Worker processes.", yaml="server.workers")
    threads: int = setting("WEB_THREADS", integer(1, 1024), 64, "Threads of each worker.", yaml="server.threads")
    # gunicorn's own default.
    graceful_timeout: int = setting(
        "GRACEFUL_TIMEOUT",
        integer(1, 3600),
        30,
        "Seconds that requests in flight may take at a stop.",
        yaml="server.graceful_timeout",
    )
    log_level: str = setting(
        "LOG_LEVEL",
        choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "INFO",
        "Least weight of a log line.",
        yaml="server.log_level",
    )
    own_log_format: str | None = setting(
        "LOG_FORMAT",
        choice("json", "console"),
        None,
        "Form of the log lines.",
        yaml="server.log_format",
        shown="json; console on a terminal",
    )
    # nginx in front has the same limit; this one holds without it, for chunked bodies too.
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES", integer(1024, 2**30), 1048576, "Largest request body.", yaml="server.max_body_bytes"
    )
    forwarded_allow_ips: tuple[str, ...] = setting(
        "FORWARDED_ALLOW_IPS",
        list_of(SettingType(_proxy, network.wants + ", or *")),
        ("127.0.0.1", "::1"),
        "Proxies whose X-Forwarded headers count.",
        yaml="server.forwarded_allow_ips",
    )

    @property
    def bind(self) -> str:
        """What the server listens on, in gunicorn's spelling."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.bind_setting or f"{host}:{self.port}"

    @property
    def log_format(self) -> str:
        """The form that was set, else `console` on a terminal, else `json`."""
        # Asked late: standard error may be redirected after the settings were read.
        return self.own_log_format or ("console" if sys.stderr.isatty() else "json")


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """What holds for every vendor."""

    default_tts_provider: str | None = setting(
        "DEFAULT_TTS_PROVIDER",
        choice(*SLUGS, aliases={"microsoft-azure": "azure"}),
        None,
        "Vendor of a request that names none.",
        yaml="speech.default_tts_provider",
        shown="the first configured one",
    )
    # A text is money: vendors charge by the character.
    max_text_chars: int = setting(
        "MAX_TEXT_CHARS", integer(1, 1_000_000), 5000, "Longest text.", yaml="speech.max_text_chars"
    )
    voices_ttl_seconds: int = setting(
        "VOICES_TTL_SECONDS",
        integer(1, 10**9),
        3600,
        "Seconds that a list of voices is kept.",
        yaml="speech.voices_ttl_seconds",
    )
    # Vendors are asked side by side, so this is for all of them together.
    voices_timeout_seconds: float = setting(
        "VOICES_TIMEOUT_SECONDS",
        number(0.1, 60),
        5.0,
        "Seconds that a vendor may take to list its voices.",
        yaml="speech.voices_timeout_seconds",
    )


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """Where audio is kept; without a path it is kept in memory, per process."""

    path: Path | None = setting(
        "CACHE_PATH", path, None, "Folder of the cache; in memory when unset.", yaml="cache.path"
    )
    # 30 days, as in the reference.
    ttl_seconds: int = setting(
        "CACHE_TTL_SECONDS",
        integer(1, 10**9),
        2592000,
        "Seconds that audio is kept.",
        yaml="cache.ttl_seconds",
    )
    max_bytes: int = setting(
        "CACHE_MAX_BYTES", integer(2**20, 2**50), 2**30, "Largest size of the cache.", yaml="cache.max_bytes"
    )


@dataclass(frozen=True, slots=True)
class DocsConfig:
    """Which pages for people are served."""

    api_docs_enabled: bool = setting(
        "API_DOCS_ENABLED",
        boolean,
        True,
        "Whether /docs and /openapi.json are served.",
        yaml="server.api_docs_enabled",
    )
    studio_enabled: bool = setting(
        "STUDIO_ENABLED", boolean, True, "Whether /studio is served.", yaml="server.studio_enabled"
    )
