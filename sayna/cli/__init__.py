"""The commands of `flask --app wsgi`, one file a subject."""

from flask import Flask

from sayna.cli import cache, clip, prompts, sip, voices


def register(app: Flask) -> None:
    """Give `app` its commands."""
    app.cli.add_command(cache.commands)
    app.cli.add_command(clip.clip)
    app.cli.add_command(prompts.warm)
    app.cli.add_command(prompts.pack)
    app.cli.add_command(sip.commands)
    app.cli.add_command(voices.voices)
