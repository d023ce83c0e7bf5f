"""The commands of `sayna`, one file a subject; those for scripts are commands of `flask --app wsgi` too."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from flask import Flask

# Where each command is, and its line in `sayna --help`: so neither the list nor the server imports any of them.
COMMANDS = {
    "backup": ("sayna.cli.backup:backup", "Save in one file what cannot be made again."),
    "cache": ("sayna.cli.cache:commands", "Look at, check and clear the audio cache."),
    "clip": ("sayna.cli.speech:clip", "Print a signed URL that any telephone system can play."),
    "completion": ("sayna.cli.command:completion", "Print what completes commands in bash or zsh."),
    "config": ("sayna.cli.settings:commands", "Check and show the settings."),
    "doctor": ("sayna.cli.doctor:doctor", "Try what the server needs, and say what is wrong and what to do."),
    "pack": ("sayna.cli.prompts:pack", "Move finished clips to a machine without vendors."),
    "restore": ("sayna.cli.backup:restore", "Put back what a backup holds."),
    "serve": ("sayna.cli.serve:serve", "Serve the HTTP API until a signal stops it."),
    "sip": ("sayna.cli.sip:commands", "Look after telephony."),
    "speak": ("sayna.cli.speech:speak", "Save a sentence as a file of audio, or play it."),
    "usage": ("sayna.cli.usage:usage", "Show what each tenant used in a month."),
    "voices": ("sayna.cli.speech:voices", "List the voices of all vendors, or of one."),
    "warm": ("sayna.cli.prompts:warm", "Render a list of prompts; what is rendered already costs nothing."),
}
OF_FLASK = ("cache", "clip", "pack", "sip", "usage", "voices", "warm")


def load_command(name: str) -> click.Command:
    """Return a command of COMMANDS, imported now."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    return cast("click.Command", getattr(import_module(module), attribute))


class DeferredCommand(click.Command):
    """A command that is imported when it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name, short_help=COMMANDS[name][1])

    def make_context(self, info_name: str | None, *arguments: Any, **extra: Any) -> click.Context:
        """Return a context of the command itself."""
        return load_command(str(self.name)).make_context(info_name, *arguments, **extra)


def register(app: "Flask") -> None:
    """Give `app` the commands of Flask."""
    for name in OF_FLASK:
        app.cli.add_command(DeferredCommand(name))
