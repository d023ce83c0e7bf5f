"""The commands of `sayna`, one file a subject; some of them are commands of `flask --app wsgi` too."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import click
    from flask import Flask

# Where each command is, and its line in `sayna --help`: so the list of commands imports none of them.
COMMANDS = {
    "serve": ("sayna.cli.serve:serve", "Serve the HTTP API until a signal stops it."),
    "speak": ("sayna.cli.speak:speak", "Save a sentence as a file of audio, or play it."),
    "voices": ("sayna.cli.voices:voices", "List the voices of all vendors, or of one."),
    "clip": ("sayna.cli.clip:clip", "Print a signed URL that any telephone system can play."),
    "cache": ("sayna.cli.cache:commands", "Look at, check and clear the audio cache."),
    "config": ("sayna.cli.settings:commands", "Check and show the settings."),
    "sip": ("sayna.cli.sip:commands", "Look after telephony."),
    "completion": ("sayna.cli.completion:completion", "Print what completes commands in bash or zsh."),
}
# Those that were commands of Flask before `sayna` was.
OF_FLASK = ("cache", "clip", "sip", "voices")


def load_command(name: str) -> "click.Command | None":
    """Return a command, imported now; None where there is none."""
    if name not in COMMANDS:
        return None
    module, _, attribute = COMMANDS[name][0].partition(":")
    return cast("click.Command", getattr(import_module(module), attribute))


def register(app: "Flask") -> None:
    """Give `app` the commands of Flask."""
    for name in OF_FLASK:
        if found := load_command(name):
            app.cli.add_command(found)
