"""`sayna cache stats | clear | verify | export | import`: the audio cache on disk."""

import datetime
import sys

import click

from sayna.cli.context import Group, is_of_flask, services
from sayna.cli.output import as_json, print_json, print_pairs
from sayna.cli.prompts import pack
from sayna.speech.cache import AudioCache

# The folder of deploy/nginx.conf.
NGINX = """\
nginx still plays the clip URLs that it has, each until its max-age is over. To clear those too, as root:
find /var/cache/sayna-clips -type f -delete"""

commands = Group(
    "cache",
    help="Look at, check and clear the audio cache.",
    epilog="""\b
Examples:
  sayna cache stats
  sayna cache clear --provider azure --voice en-US-AvaMultilingualNeural
  sayna cache clear --yes""",
)

# The same as `sayna pack export | import`.
for each in pack.commands.values():
    commands.add_command(each)


@commands.command("stats")
@as_json
def stats(*, as_json: bool) -> None:
    """Print how full the cache is, and how many clips of each provider it has."""
    found = _cache().stats()
    # Scripts that call `flask --app wsgi cache stats` read JSON.
    if as_json or is_of_flask():
        print_json({name: getattr(found, name) for name in found.__slots__})
        return
    oldest = datetime.datetime.fromtimestamp(found.oldest, datetime.UTC) if found.oldest else None
    print_pairs(
        {
            "clips": found.entries,
            "bytes": f"{found.bytes:,} of {found.limit:,} ({found.bytes / found.limit:.1%})",
            "oldest": f"{oldest:%Y-%m-%d %H:%M} UTC" if oldest else "-",
            **{f"clips of {slug}": entries for slug, entries in sorted(found.providers.items())},
        }
    )


@commands.command("clear")
@click.option("--provider", help="Only audio of this provider.")
@click.option("--voice", help="Only audio of this voice.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(provider: str | None, voice: str | None, *, yes: bool) -> None:
    """Forget cached audio: all of it, or that of one provider or voice. What is needed again costs money again."""
    cache = _cache()
    if not yes:
        _confirm(cache, provider, voice)
    click.echo(f"{cache.clear(provider, voice)} entries removed")
    click.echo(NGINX, err=True)


def _confirm(cache: AudioCache, provider: str | None, voice: str | None) -> None:
    """Ask the person at the terminal; raises Abort for no, UsageError where there is no terminal."""
    if sys.stdin.isatty():
        only = " and ".join(filter(None, (provider, voice)))
        which = f"the audio of {only}" if only else f"all {cache.stats().entries} clips"
        click.confirm(f"Forget {which}?", abort=True)
    # Scripts call it this way since before it asked.
    elif not is_of_flask():
        raise click.UsageError("this removes audio that was paid for; add --yes")


@commands.command("verify")
@as_json
def verify(*, as_json: bool) -> None:
    """Read every entry and remove those that are damaged."""
    with click.progressbar(length=_cache().stats().entries, label="Checking", file=sys.stderr) as bar:
        report = _cache().verify(lambda done, total: bar.update(1))
    if as_json:
        print_json({"checked": report.checked, "damaged": report.damaged})
    else:
        click.echo(f"{report.checked} entries checked, {report.damaged} damaged ones removed")


def _cache() -> AudioCache:
    cache = services().cache
    if not cache.shared:
        raise click.ClickException("CACHE_PATH is not set, so each worker keeps its cache in its own memory")
    return cache
