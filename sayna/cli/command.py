"""`sayna`: the group of all commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from sayna import __version__
from sayna.cli import COMMANDS, DeferredCommand
from sayna.cli.context import Command, CommandSession, Group

EXAMPLES = """\b
Examples:
  sayna speak "Hello from Sayna" --play
  sayna voices --provider azure --language de
  sayna doctor --deep
  sayna --env-file /etc/sayna/sayna.env config show

Exit status: 0 when all is well, 1 when something failed, 2 when the command is not written correctly."""


@click.group("sayna", cls=Group, commands=[DeferredCommand(name) for name in COMMANDS], epilog=EXAMPLES)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read settings from FILE; the environment wins over it, and it wins over .env.",
    metavar="FILE",
)
@click.version_option(__version__, prog_name="sayna", message="%(prog)s %(version)s")
@click.pass_context
def sayna(context: click.Context, env_file: Path | None) -> None:
    """Text to speech by one HTTP API. The settings are those of the server: the environment, .env, SAYNA_CONFIG."""
    context.obj = CommandSession()
    if env_file:
        # In the environment, so that the server and the helper programs have them too.
        os.environ.update(_missing(env_file))


def _missing(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the settings of a file that the environment does not have; raises ClickException."""
    from dotenv import dotenv_values  # noqa: PLC0415 - only a run with such a file pays for it

    try:
        found = dotenv_values(file, interpolate=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"--env-file {file} cannot be read ({type(error).__name__})") from error
    yield from ((name, value) for name, value in found.items() if value and not os.environ.get(name, "").strip())


@click.command(
    "completion",
    cls=Command,
    epilog="""\b
Examples:
  sayna completion bash > /etc/bash_completion.d/sayna
  sayna completion zsh > "${fpath[1]}/_sayna"
The program must be in PATH as `sayna`.""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"click cannot complete in {shell}")
    click.echo(found(context.find_root().command, {}, "sayna", "_SAYNA_COMPLETE").source())
