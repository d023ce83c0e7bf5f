"""`sayna voices`: the voices of the providers, as a table."""

import dataclasses
import itertools
import sys

import click

from sayna.cli.context import Command, as_json, print_json, print_table, services
from sayna.speech.own_voices import ALIAS
from sayna.speech.voices.catalogue import VoiceListing
from sayna.speech.voices.encoding import VoiceFilter, select
from sayna.speech.voices.languages import canonical

COLUMNS = ("provider", "id", "name", "language", "accent", "gender")


@click.command(
    "voices",
    cls=Command,
    epilog="""\b
Examples:
  sayna voices --provider espeak --language de
  sayna voices --json | jq -r '.[].id'""",
)
@click.option("--provider", default="", help="Only voices of this provider; alias: voices of your own.")
@click.option("--language", default="", help="Only voices that speak this language: en, en-GB.")
@as_json
def voices(provider: str, language: str, *, as_json: bool) -> None:
    """List the voices of all vendors, or of one, as a table."""
    catalogue = services().catalogue
    wanted = VoiceFilter(canonical(language) or language)
    own = services().planner.listed(lambda slug: True) if provider.lower() in ("", ALIAS) else ()
    slugs = catalogue.slugs(provider) if provider.lower() != ALIAS else ()
    with click.progressbar(length=len(slugs), label="Asking", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        listing = catalogue.listing(provider, lambda slug: bar.update(1)) if slugs else VoiceListing({}, (), ())
        bar.update(len(slugs) - bar.pos)
    found = [*itertools.chain(*select(listing, wanted).values()), *filter(wanted.admits, own)]
    if as_json:
        print_json([dataclasses.asdict(voice) for voice in found])
    else:
        print_table([COLUMNS, *(tuple(str(getattr(voice, name)) for name in COLUMNS) for voice in found)])
        if not found:
            click.echo("No voice fits; leave --language or --provider out.", err=True)
    for slug in listing.failed:
        click.echo(f"{slug} did not answer.", err=True)
    for slug in listing.stale:
        click.echo(f"{slug} did not answer: its list is an old one.", err=True)
