"""The operator's own voices: a name for several targets, the next of which speaks when the one before fails."""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sayna.config import ConfigError
from sayna.config.fields import InvalidValue
from sayna.config.sources import read_document
from sayna.errors import SaynaError
from sayna.providers import ALIASES, PROVIDERS
from sayna.state.files import mark_of

# The provider of these voices, for clients that name one.
ALIAS = "alias"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

log = logging.getLogger("sayna.voices")


@dataclass(frozen=True, slots=True)
class VoiceTarget:
    """A voice of a provider as one target of an own voice; empty strings mean the provider's default.

    `speaking_rate` multiplies the rate of each request. `gain_db` makes the voice louder, or quieter below 0.
    """

    provider: str
    voice_id: str = ""
    model: str = ""
    language: str = ""
    speaking_rate: float = 1.0
    gain_db: float = 0.0
    voice_settings: Mapping[str, Any] = field(default_factory=dict)


OwnVoices = Mapping[str, tuple[VoiceTarget, ...]]
NONE: OwnVoices = MappingProxyType({})


class OwnVoiceFile:
    """The voices of a file, which is read again when it changes; a file with a mistake does not replace them.

    `parse` returns the target of one entry and `check` looks whether it can speak; both raise SaynaError. `needs`
    is a voice that must be there, "" for none. Raises ConfigError for mistakes at start.
    """

    def __init__(
        self,
        path: Path | None,
        parse: Callable[[object], VoiceTarget],
        check: Callable[[VoiceTarget], object],
        needs: str = "",
    ) -> None:
        self._path, self._parse, self._check, self._needs = path, parse, check, needs
        self._lock = threading.Lock()
        # Before the first reading: a change in between is then noticed.
        self._mark = mark_of(path) if path else None
        self._voices, problems = self._load()
        if problems:
            raise ConfigError(problems)

    @property
    def voices(self) -> OwnVoices:
        """The targets of each voice by its name, as the file says now; another file is another object."""
        if self._path is not None and mark_of(self._path) != self._mark:
            with self._lock:
                self._reload(self._path)
        return self._voices

    def _reload(self, path: Path) -> None:
        mark = mark_of(path)
        if mark == self._mark:
            return
        voices, problems = self._load()
        if problems:
            log.error("the new file of VOICES_PATH is not used, the old voices stay: %s", " ".join(problems))
        else:
            self._voices = voices
        self._mark = mark

    def _load(self) -> tuple[OwnVoices, list[str]]:
        """Return the voices, and a sentence for every mistake."""
        if self._path is None:
            return NONE, [f"DEFAULT_VOICE is {self._needs}, which needs VOICES_PATH; set it."] if self._needs else []
        problems: list[str] = []
        try:
            document = read_document(self._path)
        except InvalidValue as error:
            return NONE, [f"VOICES_PATH {error}; set it to a YAML or JSON file of voices."]
        if not isinstance(document, dict | None):
            return NONE, ["VOICES_PATH is not a mapping; write names, each with a list of targets."]
        voices = {str(name): self._targets(str(name), entries, problems) for name, entries in (document or {}).items()}
        if self._needs and self._needs not in voices:
            problems.append(f"VOICES_PATH has no voice {self._needs}, which DEFAULT_VOICE names; add it.")
        return voices, problems

    def _targets(self, name: str, entries: object, problems: list[str]) -> tuple[VoiceTarget, ...]:
        if not NAME.fullmatch(name) or name.lower() in {*PROVIDERS, *ALIASES, ALIAS}:
            problems.append(
                f"VOICES_PATH has a voice {name[:80]!r}; use 1-64 letters, digits and . _ -, but no provider's name."
            )
        if not isinstance(entries, list) or not entries:
            problems.append(f"VOICES_PATH gives {name[:80]!r} no list of targets; write one.")
            return ()
        targets = []
        for number, entry in enumerate(entries, 1):
            try:
                target = self._parse(entry)
                self._check(target)
            except SaynaError as error:
                problems.append(f"VOICES_PATH has a mistake in target {number} of {name[:80]!r}: {error.message}.")
            else:
                targets.append(target)
        return tuple(targets)
