"""`sayna speak TEXT`: a sentence as a file, or from the loudspeaker."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sayna.cli.context import Command, as_json, caller_of, permitted, print_json, services, voice_options

if TYPE_CHECKING:
    from sayna.speech.service import SpeechResult

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


@click.command(
    "speak",
    cls=Command,
    epilog="""\b
Examples:
  sayna speak "Hello from Sayna" --play
  sayna speak "Bitte warten" --language de -o wait.mp3
  echo "A text from a file" | sayna speak - --provider azure > speech.wav
  sayna speak "For Asterisk" -o welcome.sln16""",
)
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
    from sayna.schemas.clips import load_clip  # noqa: PLC0415 - the schemas are 0.4 s of imports

    if output is None and not play and (as_json or sys.stdout.isatty()):
        raise click.UsageError("name a file with -o, or use --play")
    ending = ext or (output.suffix.lstrip(".").lower() if output else "") or "wav"
    text = sys.stdin.read() if text == "-" else text
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
        sys.stdout.buffer.write(audio)
    elif as_json:
        print_json({"file": output, "size_bytes": len(audio), "cached": speech.outcome == "HIT"} | _facts(speech))


def _facts(speech: "SpeechResult") -> dict[str, object]:
    names = ("provider", "voice_id", "language", "audio_format", "sample_rate", "duration_ms", "characters")
    return {name: getattr(speech.info, name) for name in names}


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
