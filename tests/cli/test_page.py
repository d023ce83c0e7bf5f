"""docs/command.md has the help of every command, as the command prints it."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "command_page.py"


def test_page_has_the_help_of_every_command() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = script["PAGE"].read_text("utf-8")

    assert text == script["page"](text), "run python scripts/command_page.py"
