"""docs/command.md has the help of every command, as the command prints it, and every check of `sayna doctor`."""

import re
import runpy
from pathlib import Path

from sayna.cli.doctor import CHECKS, DEEP_CHECKS, machine, remote

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "command_page.py"


def test_page_has_the_help_of_every_command() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = script["PAGE"].read_text("utf-8")

    assert text == script["page"](text), "run python scripts/command_page.py"


def test_page_has_a_row_for_every_check_of_doctor() -> None:
    text = runpy.run_path(str(SCRIPT))["PAGE"].read_text("utf-8").partition("## What doctor tries")[2]
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    checks = {
        each
        for module in (machine, remote)
        for name, each in vars(module).items()
        if name.startswith("check_") and each.__module__ == module.__name__
    }

    assert checks == {*CHECKS.values(), *DEEP_CHECKS.values(), remote.check_store}
    assert sorted(rows) == sorted([*CHECKS, *DEEP_CHECKS])
