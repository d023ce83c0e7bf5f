"""The operator's pronunciations: the files of LEXICON_PATH, one for every caller and one for each tenant."""

import logging
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from sayna.config import TENANT, ConfigError
from sayna.config.fields import InvalidValue
from sayna.speech.lexicon_file import SUFFIXES, Entry, read_lexicon
from sayna.speech.pronunciation import PronunciationTable
from sayna.speech.voices.languages import speaks
from sayna.state.files import mark_in

# Name of the file for every caller, and the seconds between two looks for changes.
EVERYBODY = "_all"
CHECK_SECONDS = 1.0
MAX_TABLES = 256
NO_WORDS = PronunciationTable(())

log = logging.getLogger("sayna.lexicons")


class Lexicons:
    """The words of a folder, read again when a file changes; a file with a mistake does not replace its old words.

    `version` is another number after each change. Raises ConfigError with every mistake at start.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._marks: dict[str, tuple[int, int, int]] = {}
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._tables: dict[tuple[str, str], PronunciationTable] = {}
        self._version = 0
        self._checked = time.monotonic()
        if problems := self._load():
            raise ConfigError(problems)

    @property
    def version(self) -> int:
        """A number for the words as the files say them now; looks for changes once a second."""
        if self._folder is not None and time.monotonic() - self._checked > CHECK_SECONDS and self._lock.acquire(False):
            try:
                self._checked = time.monotonic()
                if problems := self._load():
                    log.error("the old words of LEXICON_PATH stay: %s", " ".join(problems))
            finally:
                self._lock.release()
        return self._version

    def words(self, tenant: str | None, language: str, rules: Iterable[tuple[str, str]]) -> PronunciationTable:
        """Return the words for a request of a tenant in a language: its own `rules`, then its tenant's, then all's."""
        base = self._table(tenant or "", language) if self._entries else None
        return PronunciationTable(rules, base) if rules else base or NO_WORDS

    def _table(self, tenant: str, language: str) -> PronunciationTable:
        tables = self._tables
        key = (tenant if tenant in self._entries else "", language)
        if (table := tables.get(key)) is None:
            if len(tables) >= MAX_TABLES:
                tables.clear()
            # The last one of two equal words counts.
            ordered = [
                (entry.word, entry.spoken)
                for name in (EVERYBODY, key[0])
                for is_general in (True, False)
                for entry in self._entries.get(name, ())
                if is_general is not bool(entry.language) and (is_general or speaks((language,), entry.language))
            ]
            table = tables[key] = PronunciationTable(ordered)
        return table

    def _load(self) -> list[str]:
        """Read the files that have changed; return a sentence for every mistake."""
        if self._folder is None:
            return []
        problems: list[str] = []
        try:
            with os.scandir(self._folder) as found:
                marks = {each.name: mark_in(each.stat()) for each in found if _is_lexicon(each)}
        except OSError as error:
            return [f"LEXICON_PATH cannot be read ({type(error).__name__})."]
        if marks == self._marks:
            return []
        entries: dict[str, tuple[Entry, ...]] = {}
        for name in sorted(marks):
            owner = Path(name).stem
            if owner in entries or not (owner == EVERYBODY or TENANT.fullmatch(owner)):
                problems.append(f"LEXICON_PATH has {name[:80]!r}; write one file for {EVERYBODY} or a tenant's id.")
                continue
            entries[owner] = self._entries.get(owner, ())
            if marks[name] == self._marks.get(name):
                continue
            try:
                entries[owner] = read_lexicon(self._folder / name)
            except InvalidValue as error:
                problems.append(f"LEXICON_PATH: {name[:80]} {error}.")
        # In this order, a table of the old entries never gets into the new dict.
        self._entries, self._tables, self._marks = entries, {}, marks
        self._version += 1
        return problems


def _is_lexicon(entry: "os.DirEntry[str]") -> bool:
    return Path(entry.name).suffix in SUFFIXES and not entry.name.startswith(".") and entry.is_file()
