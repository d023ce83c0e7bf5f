"""All settings in one object, and the one function that reads them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sayna.config.auth import AuthConfig
from sayna.config.connections import FleetConfig, OutboundConfig
from sayna.config.endpoints import ClipsConfig, CompatConfig
from sayna.config.fields import ConfigError, InvalidValue, SettingInfo, described, quoted, walk
from sayna.config.room_settings import LiveKitConfig, RecordingConfig
from sayna.config.server import CacheConfig, DocsConfig, MetricsConfig, ServerConfig, SpeechConfig, UsageConfig
from sayna.config.sip import SipConfig
from sayna.config.sources import Sources, find
from sayna.config.vendors import ProvidersConfig, default_providers


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that an operator can set, checked."""

    server: ServerConfig = field(default_factory=ServerConfig)
    providers: ProvidersConfig = field(default_factory=default_providers)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    clips: ClipsConfig = field(default_factory=ClipsConfig)
    auth: AuthConfig = field(default_factory=AuthConfig)
    usage: UsageConfig = field(default_factory=UsageConfig)
    livekit: LiveKitConfig = field(default_factory=LiveKitConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)
    sip: SipConfig = field(default_factory=SipConfig)
    fleet: FleetConfig = field(default_factory=FleetConfig)
    outbound: OutboundConfig = field(default_factory=OutboundConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    docs: DocsConfig = field(default_factory=DocsConfig)
    compat: CompatConfig = field(default_factory=CompatConfig)

    @property
    def own_hook_secrets(self) -> bool:
        """Whether each hook that is saved over HTTP is signed with a secret of its own."""
        scope = self.sip.hook_secret_scope_setting
        return self.auth.several_tenants if scope is None else scope == "hook"

    def problems(self, _given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for settings of different subjects that contradict each other."""
        default = self.speech.default_tts_provider
        if default and default not in self.providers.configured:
            yield f"DEFAULT_TTS_PROVIDER is {default}, which is not configured; configure it or set another."
        if self.fleet.clips_store == "recordings" and self.recording.backend not in ("s3", "gcs"):
            yield "CLIPS_STORE is recordings, which needs S3 or Google Cloud Storage; set RECORDING_BACKEND to it."
        # A limit between tenants needs tenants: otherwise an operator relies on it and it limits no caller.
        if self.sip.from_numbers and not self.auth.required:
            yield "SIP_FROM_NUMBERS_JSON limits no caller without tenants; set AUTH_REQUIRED to true."
        if self.auth.required:
            for hook in self.sip.hooks:
                if hook.auth_id is None:
                    yield f"SIP_HOOKS_JSON gives {hook.host} no auth_id, which AUTH_REQUIRED needs; set one."


def settings() -> list[SettingInfo]:
    """Return every setting, grouped as in Config."""
    return list(walk(Config()))


def load_config(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Config:
    """Return the checked settings; raises ConfigError with a sentence for every problem.

    The environment beats `.env` in `cwd`, which beats the YAML of SAYNA_CONFIG, which beats the defaults.
    With `environ` and without `cwd`, no `.env` is read.
    """
    dotenv = environ is None or cwd is not None
    sources = read_sources(environ, cwd=cwd) if dotenv else find(environ or {}, Path.cwd(), settings(), dotenv=False)
    # The rules need to know which settings were given: a given value may equal the default.
    given: set[str] = set()
    config: Config = _build(Config(), sources, given)
    if dotenv and config.cache.path is None:
        config = replace(config, cache=replace(config.cache, path=_folder_of_run(sources.folder)))
    problems = [*sources.problems, *_check(config, frozenset(given))]
    if problems:
        raise ConfigError(problems)
    return config


def read_sources(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Sources:
    """Return the texts that load_config() would parse, with warnings about names that are close to a setting's."""
    environ = os.environ if environ is None else environ
    return find(environ, cwd or _folder(environ), settings(), dotenv=True)


def _folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of .env and var/cache: the current one, else that of scripts/sayna where they are there."""
    here, home = Path.cwd(), environ.get("SAYNA_HOME")
    # Not by Path.exists(): it raises an error in a folder that may not be read, as /root for other users.
    is_here = environ.get("SAYNA_CONFIG") or os.path.exists(here / ".env") or _folder_of_run(here)  # noqa: PTH110
    return here if is_here or not home else Path(home)


def _folder_of_run(cwd: Path) -> Path | None:
    """Return the cache of a server that scripts/run has started here: it makes the folder, every command finds it."""
    folder = cwd.absolute() / "var" / "cache"
    return folder if os.path.isdir(folder) else None  # noqa: PTH112 - as above


def _build(section: Any, sources: Sources, given: set[str], *path: str) -> Any:
    """Return a section of defaults with the values that are set."""
    values: dict[str, Any] = {}
    for each in fields(section):
        info = described(each, path)
        if info is None:
            values[each.name] = _build(getattr(section, each.name), sources, given, *path, each.name)
        elif text := sources.text(info):
            given.add(info.name)
            try:
                values[each.name] = info.kind.parse(text)
                # An empty list, [] in JSON, is as good as not set.
                if values[each.name] == ():
                    given.remove(info.name)
            except InvalidValue as wrong:
                sources.problems.extend(_sentence(info, text, reason) for reason in wrong.reasons)
    return replace(section, **values)


def _sentence(info: SettingInfo, text: str, reason: str) -> str:
    value = "" if info.secret or not info.kind.shown else quoted(text)
    shown = f" (it is {value})" if value else ""
    return f"{info.name} {reason}{shown}; set it to {info.kind.wants}."


def _check(section: Any, given: frozenset[str]) -> Iterator[str]:
    if hasattr(section, "problems"):
        yield from section.problems(given)
    for each in fields(section):
        if "setting" not in each.metadata:
            yield from _check(getattr(section, each.name), given)
