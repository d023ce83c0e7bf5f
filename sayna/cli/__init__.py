"""`flask --app wsgi cache ...`, `sip ...` and `voices`: what an operator does and looks up by hand."""

import itertools
import json
import sys
from collections.abc import Sequence
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from sayna.errors import SaynaError
from sayna.services import Services
from sayna.sip.service import provision
from sayna.speech.cache import AudioCache
from sayna.speech.voices import VoiceFilter, select

COLUMNS = ("provider", "id", "name", "language", "accent", "gender")

cache_commands = AppGroup("cache", help="Look at, check and clear the audio cache.")
sip_commands = AppGroup("sip", help="Look after telephony.")


def register(app: Flask) -> None:
    """Give `app` its commands."""
    app.cli.add_command(cache_commands)
    app.cli.add_command(sip_commands)
    app.cli.add_command(voices)


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
        raise click.ClickException("set LIVEKIT_API_KEY, LIVEKIT_API_SECRET, SIP_ROOM_PREFIX and SIP_ALLOWED_ADDRESSES")
    try:
        done = provision(livekit, inbound, dry_run=dry_run)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    would = "would " if dry_run else ""
    click.echo("\n".join(f"{would}{each}" for each in done) or "nothing to do")


@sip_commands.command("secret")
@click.argument("tenant")
@click.argument("host")
def hook_secret(tenant: str, host: str) -> None:
    """Print the secret with which TENANT verifies what the hook of HOST is sent; '' is no tenant."""
    try:
        secret = _services().sip.hooks.secret_of(tenant or None, host)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    if secret is None:
        raise click.ClickException("SIP_HOOK_SECRET is not set, so nothing is sent to this hook")
    click.echo(secret.reveal())


@click.command("voices")
@click.option("--provider", default="", help="Only voices of this provider.")
@click.option("--language", default="", help="Only voices that speak this language: en, en-GB.")
@with_appcontext
def voices(provider: str, language: str) -> None:
    """List the voices of all vendors, or of one, as a table."""
    catalogue = _services().catalogue
    try:
        slugs = catalogue.slugs(provider)
        hidden = not sys.stderr.isatty()
        with click.progressbar(length=len(slugs), label="Asking", file=sys.stderr, hidden=hidden) as bar:
            listing = catalogue.listing(provider, lambda slug: bar.update(1))
            bar.update(len(slugs) - bar.pos)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    found = itertools.chain.from_iterable(select(listing, VoiceFilter(language)).values())
    _print_table([COLUMNS, *(tuple(str(getattr(voice, name)) for name in COLUMNS) for voice in found)])
    for slug in listing.failed:
        click.echo(f"{slug} did not answer.", err=True)
    for slug in listing.stale:
        click.echo(f"{slug} did not answer: its list is an old one.", err=True)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _services() -> Services:
    return cast("Services", current_app.extensions["sayna"])


def _cache() -> AudioCache:
    cache = _services().cache
    if not cache.shared:
        raise click.ClickException("CACHE_PATH is not set, so each worker keeps its cache in its own memory")
    return cache
