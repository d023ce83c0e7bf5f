"""`flask voices`: the voices of the providers, as a table."""

import itertools
import sys
from collections.abc import Sequence

import click
from flask.cli import with_appcontext

from sayna.cli.context import services
from sayna.errors import SaynaError
from sayna.speech.voices import VoiceFilter, select
from sayna.speech.voices.languages import canonical

COLUMNS = ("provider", "id", "name", "language", "accent", "gender")


@click.command("voices")
@click.option("--provider", default="", help="Only voices of this provider.")
@click.option("--language", default="", help="Only voices that speak this language: en, en-GB.")
@with_appcontext
def voices(provider: str, language: str) -> None:
    """List the voices of all vendors, or of one, as a table."""
    catalogue = services().catalogue
    try:
        slugs = catalogue.slugs(provider)
        hidden = not sys.stderr.isatty()
        with click.progressbar(length=len(slugs), label="Asking", file=sys.stderr, hidden=hidden) as bar:
            listing = catalogue.listing(provider, lambda slug: bar.update(1))
            bar.update(len(slugs) - bar.pos)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    found = itertools.chain.from_iterable(select(listing, VoiceFilter(canonical(language) or language)).values())
    print_table([COLUMNS, *(tuple(str(getattr(voice, name)) for name in COLUMNS) for voice in found)])
    for slug in listing.failed:
        click.echo(f"{slug} did not answer.", err=True)
    for slug in listing.stale:
        click.echo(f"{slug} did not answer: its list is an old one.", err=True)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of equal length in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
