"""A list of prompts as a table: the columns by their names, and the fields of POST /speak from the cells."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sayna.errors import InvalidRequest
from sayna.schemas.json_object import parse_json
from sayna.schemas.speak import FLAT, JSON_FIELDS, NUMBER_FIELDS

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


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns as they stand there, and the cells of each row with its line in the file."""

    columns: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]


def read_csv(raw: bytes) -> Table:
    """Return the table of a CSV file; raises InvalidRequest when it is empty or is no CSV.

    The encoding is UTF-8, UTF-16 with a byte order mark, or Windows-1252; the delimiter is one of `, ; tab |`.
    """
    text = _decoded(raw)
    head = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidRequest(f"line {line} is not CSV: {error}") from error
    filled = [(at, cells) for at, cells in rows if any(cell.strip() for cell in cells)]
    if not filled:
        raise InvalidRequest("the list is empty")
    return Table(filled[0][1], filled[1:])


def _decoded(raw: bytes) -> str:
    is_utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf16 else ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
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
    if name in JSON_FIELDS:
        return _structure(name, cell)
    return cell


def _structure(name: str, cell: str) -> Any:
    """Return the value of a JSON cell; pronunciations may also be written `word = as it sounds; ...`."""
    if name == "pronunciations" and not cell.startswith("["):
        return list(_pronunciations(cell))
    try:
        return parse_json(cell.encode(errors="replace"))
    except InvalidRequest as error:
        raise InvalidRequest(f"{name} must be JSON") from error


def _pronunciations(cell: str) -> Iterator[Mapping[str, str]]:
    for pair in filter(str.strip, cell.split(";")):
        word, equals, pronunciation = pair.partition("=")
        if not equals:
            raise InvalidRequest("pronunciations must be JSON, or written as: word = as it sounds; word = ...")
        yield {"word": word.strip(), "pronunciation": pronunciation.strip()}
