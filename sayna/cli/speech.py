"""`sayna speak | clip | voices`: speech as a file or from the loudspeaker, as a URL, and the voices."""

import dataclasses
import itertools
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sayna.audio.file_endings import ENDINGS
from sayna.cli.command import Command, as_json, caller_of, permitted, print_json, print_table, services, voice_options

SAMPLE_RATE = 24000  # Hz
# Programs that play a file, with the arguments that keep them silent; macOS has the last one.
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--really-quiet", "--no-video"),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
    ("afplay",),
)

VOICE_COLUMNS = ("provider", "id", "name", "language", "accent", "gender")


@click.command("speak", cls=Command)
@click.argument("text")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File; its ending is the format.")
@click.option("--play", is_flag=True, help="Play it on this machine.")
@click.option("--ext", help="Ending, where the name of the file has none of Sayna's: wav, mp3, ulaw ...")
@voice_options
@click.option("--sample-rate", type=int, help="Hz; that of the ending when left out.")
@as_json
def speak(
    text: str, output: Path | None, ext: str | None, tenant: str | None, *, play: bool, as_json: bool, **fields: Any
) -> None:
    """Save TEXT as speech, or play it; - reads the text from standard input. What the cache has costs nothing."""
    from sayna.schemas.clips import load_clip  # noqa: PLC0415 - `--help` must not wait for it

    if output is None and not play and (as_json or sys.stdout.isatty()):
        raise click.UsageError("name a file with -o, or use --play")
    ending = ext or (output.suffix.lstrip(".").lower() if output else "") or "wav"
    text = sys.stdin.buffer.read().decode(errors="surrogateescape") if text == "-" else text
    # A URL that ends in .wav has 8 kHz for telephones; a file on this machine is for people.
    fields["sample_rate"] = fields["sample_rate"] or (SAMPLE_RATE if ending == "wav" else None)
    wanted = load_clip({"text": text, "ext": ending, **fields})
    caller = caller_of(tenant)
    plan = permitted(services().clips.plan(replace(wanted.speech, tenant=caller.tenant), wanted.ext), caller)
    speech = services().clips.render(plan, is_client_connected=lambda: True, caller=caller)
    audio = speech.finished().audio
    if output is not None:
        output.write_bytes(audio)
    if play:
        _play(audio, ending)
    if output is None and not play:
        click.echo(audio, nl=False)
    elif as_json:
        names = ("provider", "voice_id", "language", "audio_format", "sample_rate", "duration_ms", "characters")
        facts = {name: getattr(speech.info, name) for name in names}
        print_json({"file": output, "size_bytes": len(audio), "cached": speech.outcome == "HIT"} | facts)


def _play(audio: bytes, ending: str) -> None:
    """Play audio; raises ClickException where the machine has no player."""
    player = next((argv for argv in PLAYERS if shutil.which(argv[0])), None)
    if player is None:
        names = ", ".join(argv[0] for argv in PLAYERS)
        raise click.ClickException(f"no program here plays audio; install one of {names}, or save a file with -o")
    with tempfile.NamedTemporaryFile(suffix=f".{ending}") as file:
        file.write(audio)
        file.flush()
        if subprocess.run([*player, file.name], check=False).returncode:  # noqa: S603 - a program of PLAYERS
            raise click.ClickException(f"{player[0]} could not play it; save a file with -o")


@click.command("clip", cls=Command)
@click.argument("text", required=False)
@voice_options
@click.option("--ext", type=click.Choice(list(ENDINGS)), default="wav", show_default=True, help="Ending of the URL.")
@click.option("--expires", "expires_in", type=int, help="Seconds, 86400 when left out; 0: never.")
@click.option("--render", is_flag=True, help="Synthesize it now.")
@click.option("--key", "shows_key", is_flag=True, help="Print the key that signs the URLs of TENANT instead.")
@as_json
def clip(
    text: str | None, tenant: str | None, *, render: bool, shows_key: bool, as_json: bool, **fields: object
) -> None:
    """Print a signed URL of TEXT that any telephone system can play."""
    from sayna.schemas.clips import dump_clip, load_clip  # noqa: PLC0415 - `--help` must not wait for it

    clips, server = services().clips, services().config.server
    port = server.port if server.bind.startswith(("unix:", "fd:")) else server.bind.rpartition(":")[2]
    base_url = services().config.clips.public_url or f"http://localhost:{port}"
    caller = caller_of(tenant)
    if shows_key:
        click.echo(clips.signing_key(tenant))
        return
    wanted = load_clip({"text": text, "render": render, **fields})
    signed = clips.mint(wanted.speech, wanted.ext, expires_in=wanted.expires_in, caller=caller, base_url=base_url)
    plan = permitted(signed.plan, caller)
    speech = clips.render(plan, is_client_connected=lambda: True, caller=caller) if wanted.render else None
    if as_json:
        print_json(dump_clip(signed, wanted.ext, base_url, speech.finished() if speech else None))
    else:
        click.echo(base_url + signed.path)


@click.command("voices", cls=Command)
@click.option("--provider", default="", help="Only voices of this provider; alias: voices of your own.")
@click.option("--language", default="", help="Only voices that speak this language: en, en-GB.")
@as_json
def voices(provider: str, language: str, *, as_json: bool) -> None:
    """List the voices of all vendors, or of one, as a table."""
    from sayna.speech.own_voices import ALIAS  # noqa: PLC0415 - `--help` must not wait for these
    from sayna.speech.voices.catalogue import VoiceListing  # noqa: PLC0415
    from sayna.speech.voices.encoding import VoiceFilter, select  # noqa: PLC0415
    from sayna.speech.voices.languages import canonical  # noqa: PLC0415

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
        print_table([VOICE_COLUMNS, *(tuple(str(getattr(voice, name)) for name in VOICE_COLUMNS) for voice in found)])
        if not found:
            click.echo("No voice fits; leave --language or --provider out.", err=True)
    for slug in listing.failed:
        click.echo(f"{slug} did not answer.", err=True)
    for slug in listing.stale:
        click.echo(f"{slug} did not answer: its list is an old one.", err=True)
