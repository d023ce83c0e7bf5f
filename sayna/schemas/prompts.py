"""POST /prompts: a list of prompts, checked before anything is paid."""

from marshmallow import fields, validate

from sayna.schemas.base import (
    DocumentationSchema,
    StrictBoolean,
    StrictDict,
    StrictSchema,
    StrictString,
    count_field,
    string_field,
)

MAX_ROWS = 2000
MAX_COLUMNS = 50


class PromptListSchema(StrictSchema):
    """A table as a spreadsheet has it."""

    columns = fields.List(
        StrictString(),
        required=True,
        validate=validate.Length(1, MAX_COLUMNS, error=f"must have 1 to {MAX_COLUMNS} columns"),
        metadata={"description": "Names of the columns: `name` and the fields of `POST /speak`, except `auth`."},
    )
    rows = fields.List(
        fields.List(StrictString()),
        required=True,
        validate=validate.Length(0, MAX_ROWS, error=f"has more than {MAX_ROWS} rows"),
        metadata={"description": "The cells of each row, as text."},
    )
    defaults = StrictDict(metadata={"description": "Fields of `POST /speak` for rows that do not have them."})


class CheckedPromptSchema(DocumentationSchema):
    """A row without mistakes."""

    row = count_field("Position in `rows`, from 0.")
    name = string_field("Name of the file, without an ending.")
    is_known = StrictBoolean(metadata={"description": "Whether the audio is cached, so that no vendor is paid."})
    is_local = StrictBoolean(metadata={"description": "Whether a free voice of this server speaks."})
    characters = count_field("Characters that the vendor receives.")
    request = StrictDict(metadata={"description": "The body of `POST /speak` that renders it."})


class MistakeSchema(DocumentationSchema):
    """What is wrong in a row."""

    row = count_field("Position in `rows`, from 0.")
    error = string_field("A sentence for a person.")


class CheckedListSchema(DocumentationSchema):
    """The whole list."""

    prompts = fields.List(fields.Nested(CheckedPromptSchema))
    mistakes = fields.List(fields.Nested(MistakeSchema))
    unused = fields.List(StrictString(), metadata={"description": "Columns that are no fields."})
    known = count_field("Prompts whose audio is cached.")
    missing = count_field("Different sounds to render.")
    characters = count_field("Characters that vendors will be paid for.")


PROMPT_LIST = PromptListSchema()
