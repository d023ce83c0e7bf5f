"""A list of prompts: read from its table, and checked before anything is paid."""

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sayna.errors import InvalidRequest, SaynaError
from sayna.schemas.json_object import parse_json
from sayna.schemas.speak import FLAT, JSON_FIELDS, NUMBER_FIELDS, load_speak
from sayna.speech.plan import Plan
from sayna.speech.planner import Planner

NAME = "name"
# A list is kept, sent by mail and shown: no place for a key.
COLUMNS = (NAME, *(column for column in FLAT.fields if column != "auth"))
# What spreadsheets call these columns.
ALIASES = {
    "file": NAME,
    "file_name": NAME,
    "filename": NAME,
    "prompt": "text",
    "voiceid": "voice_id",
    "speed": "speaking_rate",
    "format": "audio_format",
}
DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"-?[0-9]{1,9}([.,][0-9]{1,9})?")

# Folders are allowed, because telephone systems have them: digits/1.
_FILE_NAME = re.compile(r"(?=.{1,200}$)[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
NAME_CHARS = 40
_VOICE = frozenset({"voice", "provider", "voice_id", "model", "voice_settings", "language"})

# The line of a row in the file, and its cells.
Row = tuple[int, Sequence[str]]


def read_csv(raw: bytes) -> tuple[Sequence[str], list[Row]]:
    """Return the columns of a CSV file as they stand there, and its rows.

    Raises InvalidRequest when it is empty or is no CSV. The encoding is UTF-8, UTF-16 with a byte order mark, or
    Windows-1252; the delimiter is one of `, ; tab |`.
    """
    text = _decoded(raw)
    head = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count), strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidRequest(f"line {line} is not CSV: {error}") from error
    if not rows:
        raise InvalidRequest("the list is empty")
    return rows[0][1], rows[1:]


def _decoded(raw: bytes) -> str:
    is_utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    raise InvalidRequest("the list is not text; save it as CSV in UTF-8")


def recognized(columns: Sequence[str]) -> list[str]:
    """Return the field of each column, an empty string where there is none.

    Raises InvalidRequest without a column for the text, and for two columns of one field.
    """
    found = []
    for column in columns:
        name = re.sub(r"[\s-]+", "_", column.strip().lower())
        name = ALIASES.get(name, name)
        found.append(name if name in COLUMNS else "")
    if "auth" in (column.strip().lower() for column in columns):
        raise InvalidRequest("the list has a column auth; a list of prompts must not hold keys")
    if "text" not in found:
        raise InvalidRequest(f"no column is called text; the columns may be {', '.join(COLUMNS)}")
    if twice := sorted({name for name in found if name and found.count(name) > 1}):
        raise InvalidRequest(f"two columns are called {', '.join(twice)}; keep one")
    return found


def fields_of(names: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """Return the fields of one row; an empty cell is an absent field. Raises InvalidRequest."""
    if any(cell.strip() for cell in cells[len(names) :]):
        raise InvalidRequest("the row has more cells than there are columns; put a text with commas in quotes")
    # A row may have fewer cells than columns.
    pairs = [(name, cell) for name, cell in zip(names, cells, strict=False) if name and cell.strip()]
    return {name: _value(name, cell) for name, cell in pairs}


def _value(name: str, cell: str) -> Any:
    if name == "text":
        return cell
    cell = cell.strip()
    if name in NUMBER_FIELDS:
        if not _NUMBER.fullmatch(cell):
            raise InvalidRequest(f"{name} must be a number")
        return float(cell.replace(",", "."))
    # Pronunciations may also be written `word = as it sounds; ...`.
    if name == "pronunciations" and not cell.startswith("["):
        return list(_pronunciations(cell))
    if name in JSON_FIELDS:
        try:
            return parse_json(cell.encode(errors="replace"))
        except InvalidRequest as error:
            raise InvalidRequest(f"{name} must be JSON") from error
    return cell


def _pronunciations(cell: str) -> Iterator[Mapping[str, str]]:
    for pair in filter(str.strip, cell.split(";")):
        word, equals, pronunciation = pair.partition("=")
        if not equals:
            raise InvalidRequest("pronunciations must be JSON, or written as: word = as it sounds; word = ...")
        yield {"word": word.strip(), "pronunciation": pronunciation.strip()}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row: its line, the name of its file without an ending, its body of POST /speak, and its plan."""

    line: int
    name: str
    body: Mapping[str, Any]
    plan: Plan
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line, as a sentence."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckedList:
    """The good rows, the mistakes, and the columns that are no fields."""

    prompts: list[Prompt]
    mistakes: list[Mistake]
    unused: list[str]

    @property
    def missing(self) -> list[Prompt]:
        """The prompts to render: the first of those with the same sound."""
        first = {prompt.plan.sound: prompt for prompt in reversed(self.prompts) if not prompt.is_known}
        return sorted(first.values(), key=lambda prompt: prompt.line)

    @property
    def characters(self) -> int:
        """The characters that vendors are paid for; local voices are free."""
        return sum(prompt.plan.characters for prompt in self.missing if not prompt.plan.provider.local)


def check(
    columns: Sequence[str],
    rows: Iterable[Row],
    planner: Planner,
    is_known: Callable[[Prompt], bool],
    *,
    defaults: Mapping[str, Any] | None = None,
    permit: Callable[[Plan], Plan] = lambda plan: plan,
    tenant: str | None = None,
) -> CheckedList:
    """Return the checked list; `defaults` are fields of rows without their own; no vendor is called.

    `permit` returns the targets that the caller may use, or raises a SaynaError; `tenant` is the caller's, whose
    pronunciations count. Raises InvalidRequest when the columns are wrong.
    """
    names = recognized(columns)
    if "auth" in (defaults or {}):
        raise InvalidRequest("the defaults have auth; a list of prompts must not hold keys")
    prompts: list[Prompt] = []
    mistakes: list[Mistake] = []
    taken: dict[str, int] = {}
    for line, cells in rows:
        try:
            row = fields_of(names, cells)
            name = _file_name(str(row.pop(NAME, "")), str(row.get("text", "")), taken, line)
            body = _with_defaults(row, defaults or {})
            plan = permit(planner.plan(replace(load_speak(body), tenant=tenant)))
        except SaynaError as error:
            mistakes.append(Mistake(line, error.message))
            continue
        prompt = Prompt(line, name, body, plan)
        prompts.append(replace(prompt, is_known=is_known(prompt)))
    unused = [column for column, name in zip(columns, names, strict=True) if column.strip() and not name]
    return CheckedList(prompts, mistakes, unused)


def _with_defaults(row: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row over the defaults; a row with a voice or language of its own takes no other part of a voice."""
    dropped = _VOICE if _VOICE & row.keys() else frozenset()
    if not {"voice", "provider"} & row.keys():
        dropped = dropped - {"provider"}
    return {**{name: value for name, value in defaults.items() if name not in dropped}, **row}


def _file_name(name: str, text: str, taken: dict[str, int], line: int) -> str:
    """Return the name of the row, otherwise one from its text; raises InvalidRequest."""
    if not name:
        base = "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:NAME_CHARS].strip("-") or "prompt"
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        name = next(each for each in itertools.chain((base,), numbered) if each not in taken)
    if not _FILE_NAME.fullmatch(name):
        raise InvalidRequest("name must have letters, digits, dots, dashes and underscores, / between folders")
    # Two names that differ only in case are one file on Windows and macOS.
    if earlier := taken.get(name.lower()):
        raise InvalidRequest(f"line {earlier} has the name {name} already")
    taken[name.lower()] = line
    return name
