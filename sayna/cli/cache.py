"""`sayna cache stats | clear | verify | export | import`: the audio cache on disk."""

import contextlib
import datetime
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from sayna.audio import FORMATS, SAMPLE_RATES
from sayna.cli.command import Group, as_json, is_of_flask, print_json, print_table, progress, services, shared_cache
from sayna.cli.prompts import pack
from sayna.errors import EmptyText, SaynaError
from sayna.services import Services
from sayna.speech.cache import Clip, cache_key
from sayna.speech.plan import Plan, SpeakRequest, form_name
from sayna.speech.speech_result import take_of
from sayna.speech.text import text_digest

# The folder of deploy/nginx.conf.
NGINX = """\
An nginx in front still plays the clip URLs that it has, each until its max-age is over. To clear those too, as root:
find /var/cache/sayna-clips -type f -delete"""

# What a clip knows of its request.
VOICE = ("provider", "voice_id", "model", "language", "speaking_rate")

# Among them those of `sayna pack`: export and import.
commands = Group("cache", help="Look at, check and clear the audio cache.", commands=list(pack.commands.values()))


@commands.command("stats")
@as_json
def stats(*, as_json: bool) -> None:
    """Print how full the cache is, and how many clips of each provider it has."""
    found, shared = shared_cache().stats(), _shared_stats()
    # Scripts that call `flask --app wsgi cache stats` read JSON.
    if as_json or is_of_flask():
        print_json({name: getattr(found, name) for name in found.__slots__} | ({"shared": shared} if shared else {}))
        return
    oldest = datetime.datetime.fromtimestamp(found.oldest, datetime.UTC) if found.oldest else None
    print_table(
        [
            ("clips", str(found.entries)),
            ("bytes", f"{found.bytes:,} of {found.limit:,} ({found.bytes / found.limit:.1%})"),
            ("oldest", f"{oldest:%Y-%m-%d %H:%M} UTC" if oldest else "-"),
            *((f"clips of {slug}", str(entries)) for slug, entries in sorted(found.providers.items())),
            *((f"shared {name}", str(value)) for name, value in shared.items() if name != "providers"),
        ]
    )


def _shared_stats() -> dict[str, object]:
    """Return how many clips the machines share, nothing for one machine."""
    if (machines := services().speech.machines) is None:
        return {}
    providers, size = machines.stats()
    return {"clips": providers.total(), "bytes": size, "providers": providers}


@commands.command("clear")
@click.option("--provider", help="Only audio of this provider.")
@click.option("--voice", help="Only audio of this voice.")
@click.option("--text", help="Only audio of this text, in every voice and format.")
@click.option("--key", help="Only the audio with this cache key (metadata, ETag), in every format.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(provider: str | None, voice: str | None, text: str | None, key: str | None, *, yes: bool) -> None:
    """Forget cached audio: all, or that of a provider, a voice, a text or a key. Needed again, it costs money again."""
    cache = shared_cache()
    if sum((text is not None, key is not None, bool(provider or voice))) > 1:
        raise click.UsageError("give --text, or --key, or --provider and --voice")
    if not yes:
        _confirm(" and ".join(filter(None, (provider, voice, text, key))) or f"all {cache.stats().entries} clips")
    is_of_voice = text is None and key is None
    if (machines := services().speech.machines) is not None and is_of_voice:
        # First those that this machine could fetch again.
        click.echo(f"{machines.clear(provider, voice)} shared clips removed")
    removed = cache.clear(provider, voice) if is_of_voice else _remove(text, key or "")
    click.echo(f"{removed} entries removed")
    click.echo(NGINX, err=True)


def _remove(text: str | None, key: str) -> int:
    unsure = 0
    if text is None:
        sounds = _sounds_of_key(services(), key)
    else:
        sounds, unsure = _sounds_of_text(services(), text)
    if (machines := services().speech.machines) is not None:
        machines.remove(sounds)
    if unsure:
        click.echo(
            f"{unsure} clips of an earlier version are as long as this text and may be of it: that version kept no"
            " digest of the text. Clear them with --key, or with --provider and --voice.",
            err=True,
        )
    return shared_cache().remove(sounds)


def _confirm(which: str) -> None:
    """Ask the person at the terminal; raises Abort for no, UsageError where there is no terminal."""
    if sys.stdin.isatty():
        click.confirm(f"Forget the audio of {which}?", abort=True)
    # Scripts call it this way since before it asked.
    elif not is_of_flask():
        raise click.UsageError("this removes audio that was paid for; add --yes")


@commands.command("verify")
@as_json
def verify(*, as_json: bool) -> None:
    """Read every entry and remove those that are damaged; of several machines, the clips that they share too."""
    with progress("Checking") as advance:
        report = shared_cache().verify(advance)
    found = {"checked": report.checked, "damaged": report.damaged}
    if (machines := services().speech.machines) is not None:
        with progress("Shared") as advance:
            shared = machines.verify(advance)
        found |= {"shared_checked": shared.checked, "shared_damaged": shared.damaged}
    if as_json:
        print_json(found)
        return
    click.echo(f"{report.checked} entries checked, {report.damaged} damaged ones removed")
    if machines is not None:
        click.echo(f"{shared.checked} shared clips checked, {shared.damaged} damaged ones removed")


def _sounds_of_text(built: Services, text: str) -> tuple[set[str], int]:
    """Return the keys of the sounds of a text, and how many clips of earlier versions are as long and may be of it.

    A clip that was synthesized for another text, which pronunciations turned into this one, is found too.
    Raises EmptyText.
    """
    if not text.strip():
        raise EmptyText("say which text")
    found, unsure, digest = set(), 0, text_digest(text)
    # By voice, because a large cache has many clips of few voices.
    planned: dict[tuple[Any, ...], list[Plan]] = {}
    for key, clip in _clips(built):
        voice = tuple(getattr(clip.info, name) for name in VOICE)
        if voice not in planned:
            planned[voice] = list(_plans(built, SpeakRequest(text, **dict(zip(VOICE, voice, strict=True)))))
        if clip.info.text_digest == digest or any(plan.sound == key for plan in planned[voice]):
            found.add(key)
        elif not clip.info.text_digest:
            unsure += clip.info.characters in {len(text), *(plan.characters for plan in planned[voice])}
    return found, unsure


def _clips(built: Services) -> Iterator[tuple[str, Clip]]:
    """Yield the key of each sound with its clip: those of this machine, then the others that the machines share."""
    keys = built.cache.keys()
    yield from ((key, clip) for key in keys if (clip := built.cache.get(key)))
    if built.speech.machines is not None:
        yield from built.speech.machines.clips_besides(set(keys))


def _plans(built: Services, wanted: SpeakRequest) -> Iterator[Plan]:
    """Yield what each tenant's pronunciations make of a request."""
    for tenant in {None, *(each.id for each in built.config.auth.secrets)}:
        # The vendor, the voice or the model of the clip may no longer be known here.
        with contextlib.suppress(SaynaError):
            yield built.planner.plan(replace(wanted, tenant=tenant))


def _sounds_of_key(built: Services, key: str) -> set[str]:
    """Return the key of the sound whose form has a cache key, as `cache_key` and ETag say it; or a sound's own key.

    Only an ETag finds a form with silences, by its take: there are too many silences for a search.
    """
    key, _, take = key.strip('"').lower().partition("-")
    targets = itertools.chain.from_iterable(built.planner.own_voices.values())
    gains = {0.0, *(target.gain_db for target in targets)}
    forms = [form_name(*each, gain_db=gain) for gain in gains for each in itertools.product(FORMATS, SAMPLE_RATES)]
    sounds = set(built.cache.keys())
    if built.speech.machines is not None:
        sounds |= {each.sound for each in built.speech.machines.store.walk(None, None)}
    found = {
        sound
        for sound in sounds
        if key == sound or any(key == cache_key({"sound": sound, "form": form}) for form in forms)
    }
    return found or {sound for sound, clip in _clips(built) if take and take_of(clip.info.created) == take}
