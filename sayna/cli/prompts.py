"""`sayna warm LIST` renders a list of prompts, `sayna pack export | import` moves finished clips."""

import contextlib
from functools import partial
from pathlib import Path

import click

from sayna.caller import Caller
from sayna.cli.command import Command, Group, caller_of, for_tenant, permitted, progress, services, shared_cache
from sayna.errors import InvalidRequest, SaynaError
from sayna.prompts.check import CheckedList, Prompt, check, read_csv
from sayna.prompts.folder import PromptFolder
from sayna.prompts.pack import export_pack, import_pack
from sayna.prompts.warm import warm as render_all
from sayna.speech.cache import Clip
from sayna.speech.plan import Plan

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
pack = Group("pack", help="Move finished clips to a machine without vendors.")


@click.command("warm", cls=Command)
@click.argument("prompts", type=FILE)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write each prompt as NAME.ENDING here.")
@click.option("--workers", type=click.IntRange(1, 32), default=4, show_default=True, help="Prompts at the same time.")
@for_tenant
@click.option("--dry-run", is_flag=True, help="Only say what would be rendered.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def warm(prompts: Path, out: Path | None, workers: int, tenant: str | None, *, dry_run: bool, yes: bool) -> None:
    """Render a list of PROMPTS (CSV): the columns are the fields of POST /speak, and name.

    Running it again renders what is missing.
    """
    shared_cache()
    folder, caller = PromptFolder(out) if out else None, caller_of(tenant)
    checked = _checked(prompts, folder, caller)
    if not dry_run and not yes and checked.missing:
        click.confirm(f"{_sentence(checked)}: go on?", abort=True)
    else:
        click.echo(_sentence(checked))
    if dry_run:
        return
    # The missing ones begin: the others come from the cache.
    todo = checked.missing + [each for each in checked.prompts if folder and not folder.holds(each)]
    try:
        failed = _render(list({each.line: each for each in todo}.values()), folder, workers, caller)
    except KeyboardInterrupt as stop:
        click.echo("Stopped. The prompts that were rendered are kept; run it again for the others.", err=True)
        raise click.Abort from stop
    if failed:
        raise click.ClickException(f"{failed} of {len(checked.prompts)} prompts failed; run it again to render those")


def _checked(path: Path, folder: PromptFolder | None, caller: Caller) -> CheckedList:
    planner, speech = services().planner, services().speech

    def is_known(prompt: Prompt) -> bool:
        return speech.cached(prompt.plan, None) is not None or bool(folder and folder.holds(prompt))

    try:
        permit = partial(permitted, caller=caller)
        checked = check(*read_csv(path.read_bytes()), planner, is_known, permit=permit, tenant=caller.tenant)
    except InvalidRequest as error:
        raise click.ClickException(f"{path}: {error.message}") from error
    for column in checked.unused:
        click.echo(f"The column {column!r} is no field of POST /speak, and is not used.", err=True)
    for mistake in checked.mistakes:
        click.echo(f"{path}, line {mistake.line}: {mistake.sentence}", err=True)
    if checked.mistakes:
        raise click.ClickException(f"mistakes: {len(checked.mistakes)}; nothing was rendered")
    return checked


def _sentence(checked: CheckedList) -> str:
    total, missing = len(checked.prompts), len(checked.missing)
    known = sum(prompt.is_known for prompt in checked.prompts)
    counts = [f"{total:,} prompts", f"{known:,} known", f"{missing:,} to render"]
    if same := total - known - missing:
        counts.append(f"{same:,} the same as others")
    return ", ".join([*counts, f"{checked.characters:,} characters" if checked.characters else "nothing to pay"])


def _render(prompts: list[Prompt], folder: PromptFolder | None, workers: int, caller: Caller) -> int:
    """Render and write the prompts; return how many failed."""
    # The threads that render have no context of the command.
    failed, clips = 0, services().clips

    def render(plan: Plan) -> Clip:
        return clips.render(plan, is_client_connected=lambda: True, caller=caller).finished()

    with (
        progress("Rendering") as advance,
        contextlib.closing(render_all(prompts, render, workers=workers)) as finished,
    ):
        for done, (prompt, result) in enumerate(finished, 1):
            if isinstance(result, SaynaError):
                failed += 1
                click.echo(f"line {prompt.line}, {prompt.name}: {result.message}", err=True)
            elif folder:
                folder.write(prompt, result)
            advance(done, len(prompts))
    return failed


@pack.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_(file: Path) -> None:
    """Write every clip of the cache into FILE."""
    cache = shared_cache()
    with progress("Exporting") as advance:
        number = export_pack(cache, file, advance)
    click.echo(f"{number} clips, {file.stat().st_size:,} bytes")


@pack.command("import")
@click.argument("file", type=FILE)
def import_(file: Path) -> None:
    """Take the clips of FILE into the cache, each after it was verified."""
    with progress("Importing") as advance:
        found = import_pack(shared_cache(), file, advance)
    taken, known, damaged = found["taken"], found["known"], found["damaged"]
    click.echo(f"{taken} clips taken, {known} were there already, {damaged} damaged ones refused")
    if damaged:
        raise click.exceptions.Exit(1)
