"""`flask --app wsgi cache ...` and `flask --app wsgi sip ...`: what an operator does by hand."""

import json
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from sayna.livekit.errors import LiveKitUnavailable
from sayna.services import Services
from sayna.sip.service import provision
from sayna.tts.cache import AudioCache

cache_commands = AppGroup("cache", help="Look at, check and clear the audio cache.")
sip_commands = AppGroup("sip", help="Look after telephony.")


def register(app: Flask) -> None:
    """Give `app` its commands."""
    app.cli.add_command(cache_commands)
    app.cli.add_command(sip_commands)


@cache_commands.command("stats")
def stats() -> None:
    """Print what the cache holds, as JSON."""
    found = _cache().stats()
    click.echo(json.dumps({name: getattr(found, name) for name in found.__slots__}, indent=2))


@cache_commands.command("clear")
@click.option("--provider", help="Only audio of this provider.")
@click.option("--voice", help="Only audio of this voice.")
def clear(provider: str | None, voice: str | None) -> None:
    """Forget cached audio: all of it, or that of one provider or voice."""
    click.echo(f"{_cache().clear(provider, voice)} entries removed")


@cache_commands.command("verify")
def verify() -> None:
    """Read every entry and remove those that are damaged."""
    with click.progressbar(length=_cache().stats().entries, label="Checking") as bar:
        report = _cache().verify(lambda done, total: bar.update(1))
    click.echo(f"{report.checked} entries checked, {report.damaged} damaged ones removed")


@sip_commands.command("provision")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def provision_sip(dry_run: bool) -> None:
    """Create or correct LiveKit's inbound trunk and dispatch rule, as each start does."""
    livekit, inbound = _services().livekit, _services().sip.inbound
    if livekit is None or inbound is None:
        raise click.ClickException(
            "set LIVEKIT_API_KEY, LIVEKIT_API_SECRET, SIP_ROOM_PREFIX and SIP_ALLOWED_ADDRESSES"
        )
    try:
        done = provision(livekit, inbound, dry_run=dry_run)
    except LiveKitUnavailable as error:
        raise click.ClickException(error.message) from error
    would = "would " if dry_run else ""
    click.echo("\n".join(f"{would}{each}" for each in done) or "nothing to do")


def _services() -> Services:
    return cast("Services", current_app.extensions["sayna"])


def _cache() -> AudioCache:
    cache = _services().cache
    if not cache.shared:
        raise click.ClickException("CACHE_PATH is not set, so each worker keeps its cache in its own memory")
    return cache
