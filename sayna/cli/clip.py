"""`sayna clip TEXT`: a clip URL for a configuration file or a dial plan."""

import click

from sayna.audio.file_endings import ENDINGS
from sayna.cli.context import Command, as_json, caller_of, permitted, print_json, services, voice_options
from sayna.schemas.clips import DEFAULT_EXPIRY, dump_clip, load_clip

LOCAL = "http://localhost:3001"


@click.command(
    "clip",
    cls=Command,
    epilog="""\b
Examples:
  sayna clip "Please hold the line." --expires 0
  sayna clip "Guten Tag" --language de --ext sln16 --tenant tenant-a --render
  sayna clip --key --tenant tenant-a""",
)
@click.argument("text", required=False)
@voice_options
@click.option("--ext", type=click.Choice(list(ENDINGS)), default="wav", show_default=True, help="Ending of the URL.")
@click.option("--expires", "expires_in", type=int, default=DEFAULT_EXPIRY, show_default=True, help="Seconds; 0: never.")
@click.option("--render", is_flag=True, help="Synthesize it now.")
@click.option("--key", "shows_key", is_flag=True, help="Print the key that signs the URLs of TENANT instead.")
@as_json
def clip(
    text: str | None, tenant: str | None, *, render: bool, shows_key: bool, as_json: bool, **fields: object
) -> None:
    """Print a signed URL of TEXT that any telephone system can play."""
    clips = services().clips
    base_url = services().config.clips.public_url or LOCAL
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
