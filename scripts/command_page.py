"""Writes docs/command.md, the help of every command of `sayna`: `python scripts/command_page.py` after a change."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sayna.cli import load_command  # noqa: E402
from sayna.cli.command import sayna  # noqa: E402

PAGE = ROOT / "docs" / "command.md"
MARK = "<!-- the rest is written by `python scripts/command_page.py` -->\n"
WIDTH = 100


def helps(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the section of a command, then those of its own commands."""
    yield f"\n## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = load_command(name) if command is sayna else command.commands[name]
            yield from helps(found, _context(found, name, context))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command, parent, name, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
    )


def page(before: str) -> str:
    """Return the page: what stands before the mark, then the help of every command."""
    return before.partition(MARK)[0] + MARK + "".join(helps(sayna, _context(sayna, "sayna", None)))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
