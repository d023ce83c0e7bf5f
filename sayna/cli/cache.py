"""`flask cache stats | clear | verify`: the audio cache on disk."""

import json

import click
from flask.cli import AppGroup

from sayna.cli.context import services
from sayna.speech.cache import AudioCache

# The folder of deploy/nginx.conf.
NGINX = """\
nginx still plays the clip URLs that it has, each until its max-age is over. To clear those too, as root:
find /var/cache/sayna-clips -type f -delete"""

commands = AppGroup("cache", help="Look at, check and clear the audio cache.")


@commands.command("stats")
def stats() -> None:
    """Print what the cache holds, as JSON."""
    found = _cache().stats()
    click.echo(json.dumps({name: getattr(found, name) for name in found.__slots__}, indent=2))


@commands.command("clear")
@click.option("--provider", help="Only audio of this provider.")
@click.option("--voice", help="Only audio of this voice.")
def clear(provider: str | None, voice: str | None) -> None:
    """Forget cached audio: all of it, or that of one provider or voice."""
    click.echo(f"{_cache().clear(provider, voice)} entries removed")
    click.echo(NGINX, err=True)


@commands.command("verify")
def verify() -> None:
    """Read every entry and remove those that are damaged."""
    with click.progressbar(length=_cache().stats().entries, label="Checking") as bar:
        report = _cache().verify(lambda done, total: bar.update(1))
    click.echo(f"{report.checked} entries checked, {report.damaged} damaged ones removed")


def _cache() -> AudioCache:
    cache = services().cache
    if not cache.shared:
        raise click.ClickException("CACHE_PATH is not set, so each worker keeps its cache in its own memory")
    return cache
