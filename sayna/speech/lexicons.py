"""The operator's pronunciations: the files of LEXICON_PATH, one for every caller and one for each tenant."""

import csv
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config import TENANT, ConfigError
from sayna.config.fields import InvalidValue
from sayna.config.sources import read_document
from sayna.speech.spoken import PronunciationTable
from sayna.speech.text import clean
from sayna.speech.voices.languages import canonical, speaks
from sayna.state.files import mark_in

SUFFIXES = frozenset([".csv", ".yaml", ".yml", ".json"])
COLUMNS = ("word", "pronunciation", "language")
MAX_ENTRIES = 2000
MAX_WORD, MAX_SPOKEN = 64, 1000
# Name of the file for every caller, and the seconds between two looks for changes.
EVERYBODY = "_all"
CHECK_SECONDS = 1.0
MAX_TABLES = 256
NO_WORDS = PronunciationTable(())

log = logging.getLogger("sayna.lexicons")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what is spoken; `language` is a BCP 47 tag, "" for every language."""

    word: str
    spoken: str
    language: str = ""


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
                for entry in sorted(self._entries.get(name, ()), key=lambda entry: bool(entry.language))
                if not entry.language or speaks((language,), entry.language)
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


def read_lexicon(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file; raises InvalidValue, which names the first wrong entry by its number or line."""
    rows = _csv_rows(path) if path.suffix == ".csv" else _document_rows(read_document(path))
    found: dict[tuple[str, str], Entry] = {}
    for place, row in rows:
        entry = _entry(place, row)
        if (entry.word, entry.language) in found:
            raise InvalidValue(f"has a word twice, at {place}")
        if len(found) == MAX_ENTRIES:
            raise InvalidValue(f"has more than {MAX_ENTRIES} entries")
        found[entry.word, entry.language] = entry
    return tuple(found.values())


def _entry(place: str, row: list[object]) -> Entry:
    if not 2 <= len(row) <= len(COLUMNS) or not all(isinstance(each, str) for each in row):  # noqa: PLR2004
        raise InvalidValue(f"needs a word, a pronunciation and perhaps a language as text, at {place}")
    written, spoken, tag = (*map(str, row), "")[: len(COLUMNS)]
    word, language = clean(written).strip(), canonical(tag)
    if not 1 <= len(word) <= MAX_WORD or len(spoken) > MAX_SPOKEN:
        raise InvalidValue(f"needs a word of 1 to {MAX_WORD} and a pronunciation up to {MAX_SPOKEN}, at {place}")
    if tag.strip() and not language:
        raise InvalidValue(f"has a language that is no BCP 47 tag, at {place}")
    return Entry(word, spoken, language)


def _csv_rows(path: Path) -> Iterator[tuple[str, list[object]]]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
        delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for row in reader:
            is_head = reader.line_num == 1 and [each.strip().lower() for each in row[:2]] == [*COLUMNS[:2]]
            if any(map(str.strip, row)) and not is_head:
                yield f"line {reader.line_num}", [*row]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"cannot be read ({type(error).__name__})") from error
    except csv.Error as error:
        raise InvalidValue(f"is no CSV ({error})") from error


def _document_rows(document: object) -> Iterator[tuple[str, list[object]]]:
    entries: Iterable[object] = document if isinstance(document, list) else ()
    if isinstance(document, dict):
        entries = ({"word": word, "pronunciation": spoken} for word, spoken in document.items())
    elif not isinstance(document, list | None):
        raise InvalidValue("is neither a list of entries nor a mapping of words")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or set(entry) - {*COLUMNS}:
            raise InvalidValue(f"needs entries of {', '.join(COLUMNS)}, at entry {number}")
        yield f"entry {number}", [entry.get("word"), entry.get("pronunciation"), entry.get("language") or ""]
