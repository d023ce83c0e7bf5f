"""One file of pronunciations: CSV, or YAML or JSON, with a word, what is spoken, and perhaps a language."""

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config.fields import InvalidValue
from sayna.config.yamlfile import read_document
from sayna.speech.text import clean
from sayna.speech.voices.languages import canonical

SUFFIXES = frozenset([".csv", ".yaml", ".yml", ".json"])
COLUMNS = ("word", "pronunciation", "language")
MAX_ENTRIES = 2000
MAX_WORD, MAX_SPOKEN = 64, 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what is spoken; `language` is a BCP 47 tag, "" for every language."""

    word: str
    spoken: str
    language: str = ""


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
    for number, entry in zip(itertools.count(1), entries, strict=False):
        if not isinstance(entry, dict) or set(entry) - {*COLUMNS}:
            raise InvalidValue(f"needs entries of {', '.join(COLUMNS)}, at entry {number}")
        yield f"entry {number}", [entry.get("word"), entry.get("pronunciation"), entry.get("language") or ""]
