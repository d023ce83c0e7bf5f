"""POST /prompts: a list of prompts, checked before anything is paid."""

from marshmallow import fields, validate

from sayna.schemas.base import StrictDict, StrictSchema, StrictString

MAX_ROWS = 2000
MAX_COLUMNS = 50


class PromptListSchema(StrictSchema):
    """A table as a spreadsheet has it."""

    columns = fields.List(
        StrictString(),
        required=True,
        validate=validate.Length(1, MAX_COLUMNS, error=f"must have 1 to {MAX_COLUMNS} columns"),
    )
    rows = fields.List(
        fields.List(StrictString()),
        required=True,
        validate=validate.Length(0, MAX_ROWS, error=f"has more than {MAX_ROWS} rows"),
    )
    defaults = StrictDict()


PROMPT_LIST = PromptListSchema()
