"""docs/command.md has the help of every command, as the command prints it."""

from scripts.command_page import PAGE, page


def test_page_has_the_help_of_every_command() -> None:
    text = PAGE.read_text("utf-8")

    assert text == page(text), "run python scripts/command_page.py"
