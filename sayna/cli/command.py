"""`sayna`, the group of all commands, and what every command has: settings, services, options, errors as sentences."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from sayna import __version__
from sayna.caller import UNRESTRICTED, Caller
from sayna.cli import COMMANDS, DeferredCommand
from sayna.errors import ProviderNotAllowed, SaynaError

if TYPE_CHECKING:
    from sayna.config import Config
    from sayna.services import Services
    from sayna.speech.cache import AudioCache
    from sayna.speech.plan import Plan


F = TypeVar("F", bound=Callable[..., Any])


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
for_tenant = click.option("--tenant", help="The tenant whose cap, providers and pronunciations count.")
VOICE_OPTIONS = (
    click.option("--provider", help="Speech vendor."),
    click.option("--voice", "voice_id", help="Voice of the vendor; with --provider alias, a voice of your own."),
    click.option("--model", help="Model of the vendor."),
    click.option("--language", help="BCP 47 tag: en-GB."),
    click.option("--speed", "speaking_rate", type=float, help="1.0 is the voice's own pace."),
    for_tenant,
)


def voice_options(command: F) -> F:
    """Give a command the options of who speaks, and for which tenant."""
    for option in reversed(VOICE_OPTIONS):
        command = option(command)
    return command


def require_cache_folder(config: "Config") -> None:
    """Raise ClickException where CACHE_PATH names no folder: commands make none, because the path may be mistyped."""
    path = config.cache.path
    if path is not None and not path.is_dir():
        raise click.ClickException(
            f"CACHE_PATH is {path}, and that folder is missing. Correct it, or make the folder: mkdir -p -m 700 {path}"
        )


def services() -> "Services":
    """Return the services of the application that Flask runs the command in, otherwise those of this run of `sayna`.

    Raises ConfigError, and ClickException where CACHE_PATH names no folder.
    """
    root = click.get_current_context().find_root()
    if is_of_flask():
        return cast("Services", root.obj.load_app().extensions["sayna"])
    if root.obj is None:
        root.obj = _built()
        root.call_on_close(root.obj.close)
    return cast("Services", root.obj)


def _built() -> "Services":
    from sayna import log  # noqa: PLC0415 - 0.6 s of imports, which `sayna --help` must not wait for
    from sayna.config import load_config  # noqa: PLC0415
    from sayna.services import build  # noqa: PLC0415

    # People see warnings; the lines of each call to a vendor are for the log of a server.
    log.configure("WARNING", "console")
    config = load_config()
    require_cache_folder(config)
    return build(config)


def is_of_flask() -> bool:
    """Return whether the command runs as `flask --app wsgi ...`, as in scripts that are older than `sayna`."""
    return click.get_current_context().find_root().command is not sayna


def shared_cache() -> "AudioCache":
    """Return the cache of the server; raises ClickException where it would end with the command."""
    cache = services().cache
    if cache.folder is None:
        raise click.ClickException("CACHE_PATH is not set, so each worker keeps its cache in its own memory")
    return cache


def caller_of(tenant: str | None) -> Caller:
    """Return the caller that a command speaks for; raises BadParameter for a tenant that does not exist."""
    found = services().clips.caller_of(tenant) if tenant else UNRESTRICTED
    if found is None:
        raise click.BadParameter(f"no tenant has the id {tenant}", param_hint="--tenant")
    return found


def permitted(plan: "Plan", caller: Caller) -> "Plan":
    """Return the targets of a plan that the caller may use; raises ProviderNotAllowed without any."""
    from sayna.speech.fallback import allowed  # noqa: PLC0415 - `sayna --help` must not wait for it

    if (found := allowed(plan, lambda provider: caller.may_use(provider.slug))) is None:
        raise ProviderNotAllowed(f"the tenant {caller.tenant} may not use {plan.provider.slug}")
    return found


class Command(click.Command):
    """A command whose help ends with its entry in examples.yaml, and whose expected errors are sentences."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, on lines as they are in the file."""
        import yaml  # noqa: PLC0415 - only help needs it

        texts: dict[str, str] = yaml.safe_load(Path(__file__).with_name("examples.yaml").read_text("utf-8"))
        self.epilog = f"\b\n{texts[self.name]}" if self.name in texts else None
        super().format_epilog(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raises ClickException for an error of Sayna, of the settings or of a file."""
        try:
            return super().invoke(ctx)
        # click ends a command by itself whose reader has gone, as in `sayna voices | head`.
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            if (sentence := _sentence(error)) is None:
                raise
            raise click.ClickException(sentence) from error


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


def _sentence(error: Exception) -> str | None:
    """Return what a person should read of an error, None for one that Sayna does not expect."""
    from sayna.config import ConfigError  # noqa: PLC0415 - `sayna --help` has no errors
    from sayna.speech.cache.sqlite_errors import FAULTS  # noqa: PLC0415

    if isinstance(error, SaynaError):
        return str(getattr(error, "operator_message", error.message))
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        # A full disk behind standard output has no name.
        return f"{Path(str(error.filename))}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, FAULTS):
        return f"the audio cache cannot be used: {error.__context__ or error}"
    return None


def print_json(value: object) -> None:
    """Print indented JSON; a date or a path becomes text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextlib.contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; the function takes what is done and the total."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield advance


@click.group("sayna", cls=Group, commands=[DeferredCommand(name) for name in COMMANDS])
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read settings from FILE; the environment wins over it, and it wins over .env.",
    metavar="FILE",
)
@click.version_option(__version__, prog_name="sayna", message="%(prog)s %(version)s")
def sayna(env_file: Path | None) -> None:
    """Text to speech by one HTTP API. The settings are those of the server: the environment, .env, SAYNA_CONFIG."""
    if env_file:
        from sayna.config.sources import read_variables  # noqa: PLC0415 - `sayna --help` needs no settings

        try:
            found = read_variables(env_file)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"--env-file {env_file} cannot be read ({type(error).__name__})") from error
        # In the environment, so that the server and the helper programs have them too.
        os.environ.update({name: value for name, value in found.items() if not os.environ.get(name, "").strip()})


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in SHELL."""
    from click.shell_completion import BashComplete, ZshComplete  # noqa: PLC0415 - only this command needs them

    kind = {"bash": BashComplete, "zsh": ZshComplete}[shell]
    click.echo(kind(sayna, {}, "sayna", "_SAYNA_COMPLETE").source())
