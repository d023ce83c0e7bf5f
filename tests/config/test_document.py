"""A file of the operator that holds no settings: each mistake is one error, which the log can tell."""

from pathlib import Path

import pytest

from sayna.config.fields import InvalidValue
from sayna.config.sources import read_document

MISTAKES = {
    "a day that is none.yaml": "SQL: 2026-13-45",
    "an endless integer.yaml": "SQL: " + "9" * 5000,
    "a truth that is none.yaml": "SQL: !!bool x",
    "a number that is none.yaml": "SQL: !!int x",
    "a time that is none.yaml": "SQL: !!timestamp x",
    "a map that is none.yaml": "SQL: !!map [x]",
    "a set that is none.yaml": "SQL: !!set x",
    "a file too deep.yaml": "[" * 2000,
    "an endless integer.json": '{"SQL": ' + "9" * 5000 + "}",
    "a file too deep.json": "[" * 100_000,
    "a name twice.json": '{"SQL": 1, "SQL": 2}',
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_in_a_document_is_an_invalid_value(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(MISTAKES[name])

    with pytest.raises(InvalidValue):
        read_document(file)
