"""Lists of prompts: read and check them, render what is missing, and move finished clips between machines."""

from sayna.prompts.check import CheckedList, Mistake, Prompt, check
from sayna.prompts.folder import PromptFolder
from sayna.prompts.pack import ImportReport, export_pack, import_pack
from sayna.prompts.table import Table, read_csv
from sayna.prompts.warm import warm

__all__ = [
    "CheckedList",
    "ImportReport",
    "Mistake",
    "Prompt",
    "PromptFolder",
    "Table",
    "check",
    "export_pack",
    "import_pack",
    "read_csv",
    "warm",
]
