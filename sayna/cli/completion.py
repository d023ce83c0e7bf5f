"""`sayna completion bash | zsh`: what a shell reads to complete the commands."""

import click
from click.shell_completion import get_completion_class

from sayna.cli.context import Command


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
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"click cannot complete in {shell}")
    click.echo(found(context.find_root().command, {}, "sayna", "_SAYNA_COMPLETE").source())
