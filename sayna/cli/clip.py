"""`flask clip TEXT`: a clip URL for a configuration file or a dial plan."""

import click
from flask.cli import with_appcontext

from sayna.audio.file_endings import ENDINGS
from sayna.cli.context import services
from sayna.errors import SaynaError
from sayna.schemas.clips import DEFAULT_EXPIRY, load_clip
from sayna.speech.fallback import allowed

LOCAL = "http://localhost:3001"


@click.command("clip")
@click.argument("text", required=False)
@click.option("--provider", help="Speech vendor.")
@click.option("--voice", "voice_id", help="Voice of the vendor; with --provider alias, a voice of your own.")
@click.option("--model", help="Model of the vendor.")
@click.option("--language", help="BCP 47 tag: en-GB.")
@click.option("--speed", "speaking_rate", type=float, help="1.0 is the voice's own pace.")
@click.option("--ext", type=click.Choice(list(ENDINGS)), default="wav", show_default=True, help="Ending of the URL.")
@click.option("--expires", "expires_in", type=int, default=DEFAULT_EXPIRY, show_default=True, help="Seconds; 0: never.")
@click.option("--tenant", help="The tenant that the clip counts on.")
@click.option("--render", is_flag=True, help="Synthesize it now.")
@click.option("--key", "shows_key", is_flag=True, help="Print the key that signs the URLs of TENANT instead.")
@with_appcontext
def clip(text: str | None, tenant: str | None, *, render: bool, shows_key: bool, **fields: object) -> None:
    """Print a signed URL that any telephone system can play."""
    clips, config = services().clips, services().config
    try:
        caller = clips.caller_of(tenant)
        if caller is None:
            raise click.BadParameter(f"no tenant has the id {tenant}", param_hint="--tenant")
        if shows_key:
            click.echo(clips.signing_key(tenant))
            return
        wanted = load_clip({"text": text, "render": render, **fields})
        base_url = config.clips.public_url or LOCAL
        signed = clips.mint(wanted.speech, wanted.ext, expires_in=wanted.expires_in, caller=caller, base_url=base_url)
        plan = allowed(signed.plan, lambda provider: caller.may_use(provider.slug))
        if plan is None:
            raise click.ClickException(f"the tenant {tenant} may not use {signed.plan.provider.slug}")
        if wanted.render:
            clips.render(plan, is_client_connected=lambda: True)
    except SaynaError as error:
        raise click.ClickException(error.message) from error
    click.echo(base_url + signed.path)
