"""`sayna sip provision | secret`: telephony."""

import click

from sayna.cli.command import Group, services

commands = Group("sip", help="Look after telephony.")


@commands.command("provision")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def provision(dry_run: bool) -> None:
    """Create or correct LiveKit's inbound trunk and dispatch rule, as each start does."""
    livekit, settings = services().livekit, services().config.sip
    if livekit is None or not settings.room_prefix:
        raise click.ClickException("set LIVEKIT_API_KEY, LIVEKIT_API_SECRET, SIP_ROOM_PREFIX and SIP_ALLOWED_ADDRESSES")
    done = livekit.provision(settings.room_prefix, settings.allowed_addresses, dry_run=dry_run)
    would = "would " if dry_run else ""
    click.echo("\n".join(f"{would}{each}" for each in done) or "nothing to do")


@commands.command("secret")
@click.argument("tenant")
@click.argument("host")
def secret(tenant: str, host: str) -> None:
    """Print the secret with which TENANT verifies what the hook of HOST is sent; '' is no tenant."""
    found = services().hooks.secret_of(tenant or None, host)
    if found is None:
        raise click.ClickException("SIP_HOOK_SECRET is not set, so nothing is sent to this hook")
    click.echo(found.reveal())
