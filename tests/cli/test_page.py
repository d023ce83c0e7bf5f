"""docs/command.md has the help of every command, as the command prints it, and every check of `sayna doctor`."""

import re
import runpy
from pathlib import Path

from sayna.cli.doctor import machine, remote
from sayna.cli.doctor.finding import CHECKS, DEEP_CHECKS

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "command_page.py"


def test_page_has_the_help_of_every_command() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = script["PAGE"].read_text("utf-8")

    assert text == script["page"](text), "run python scripts/command_page.py"


def test_page_has_a_row_for_every_check_of_doctor() -> None:
    text = runpy.run_path(str(SCRIPT))["PAGE"].read_text("utf-8").partition("## What doctor tries")[2]
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    modules = {check.__module__ for check in (*CHECKS.values(), *DEEP_CHECKS.values())}

    assert modules == {machine.__name__, remote.__name__}
    assert sorted(rows) == sorted([*CHECKS, *DEEP_CHECKS])
