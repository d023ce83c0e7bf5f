"""A list as people save it: encodings, delimiters, names of columns, cells."""

import pytest

from sayna.errors import InvalidRequest
from sayna.prompts.check import COLUMNS, fields_of, read_csv, recognized
from sayna.schemas.speak import FLAT

TEXT = "name,text\nwelcome,Grüß Gott\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_list_is_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    columns, rows = read_csv(TEXT.encode(encoding))

    assert columns == ["name", "text"]
    assert [cells for _, cells in rows] == [["welcome", "Grüß Gott"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_that_of_the_first_line(delimiter: str) -> None:
    _, rows = read_csv(f"name{delimiter}text\r\nbye{delimiter}Good-bye\r\n".encode())

    assert rows == [(2, ["bye", "Good-bye"])]


def test_line_of_a_row_counts_breaks_in_cells_and_empty_lines() -> None:
    _, rows = read_csv(b'name,text\n\na,"one\ntwo"\n,,\nb,three\n')

    assert [line for line, _ in rows] == [3, 6]


@pytest.mark.parametrize("raw", [b"", b"\n , \n", b'name,text\na,"b\n', b"\xff\xfe\x00"])
def test_file_that_is_no_list_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_csv(raw)


def test_columns_are_recognized_by_name() -> None:
    columns = ["File Name", " TEXT", "voice-id", "Speed", "Remarks", "Sample Rate", "format"]

    assert recognized(columns) == ["name", "text", "voice_id", "speaking_rate", "", "sample_rate", "audio_format"]


def test_columns_are_the_fields_of_speak_without_keys() -> None:
    assert set(COLUMNS) == {"name", *FLAT.fields} - {"auth"}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["name"], "no column is called text"),
        (["text", "Text"], "two columns are called text"),
        (["text", "auth"], "must not hold keys"),
    ],
)
def test_wrong_columns_are_named(columns: list[str], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        recognized(columns)


def test_cells_become_the_types_of_the_fields() -> None:
    names = ["text", "speaking_rate", "sample_rate", "voice_settings", "pronunciations", "language"]
    cells = [" Hi ", "0,9", "8000", '{"pitch": 50}', "SQL = sequel; Xi=zie", " "]

    assert fields_of(names, cells) == {
        "text": " Hi ",
        "speaking_rate": 0.9,
        "sample_rate": 8000.0,
        "voice_settings": {"pitch": 50},
        "pronunciations": [
            {"word": "SQL", "pronunciation": "sequel"},
            {"word": "Xi", "pronunciation": "zie"},
        ],
    }


@pytest.mark.parametrize(
    ("name", "cell", "told"),
    [
        ("speaking_rate", "fast", "speaking_rate must be a number"),
        ("sample_rate", "1e999", "sample_rate must be a number"),
        ("voice_settings", "{", "voice_settings must be JSON"),
        ("pronunciations", "SQL", "written as"),
    ],
)
def test_cell_of_another_type_is_refused(name: str, cell: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        fields_of([name], [cell])


def test_row_with_more_cells_than_columns_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="more cells"):
        fields_of(["name", "text"], ["a", "Hello", " world"])
    assert fields_of(["name", "text"], ["a", "Hello", ""]) == {"name": "a", "text": "Hello"}
