"""`sayna config check | show`: what is set, where, and what is wrong with it."""

import os
import re
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import click

from sayna.cli.command import Group, as_json, print_json, print_table
from sayna.config import ConfigError, load_config, read_sources, settings
from sayna.config.fields import SettingInfo

commands = Group("config", help="Check and show the settings.")


@commands.command("check")
@as_json
def check(*, as_json: bool) -> None:
    """Say every mistake in the settings, and every name that is close to a setting's. Exits with 1 for a mistake."""
    from sayna.services import build  # noqa: PLC0415 - 0.6 s of imports, which `sayna --help` must not wait for

    warnings, problems = read_sources().warnings, []
    try:
        config = load_config()
        # The files that the settings name are read here. Without the cache, because root may ask for another user.
        build(replace(config, cache=replace(config.cache, path=None))).close()
    except ConfigError as error:
        problems = error.problems
    if as_json:
        print_json({"problems": problems, "warnings": warnings})
    else:
        for kind, sentences in (("fail", problems), ("warn", warnings)):
            for sentence in sentences:
                click.echo(f"{kind}  {sentence}")
        if not problems:
            click.echo("ok    the settings are usable")
    if problems:
        raise click.exceptions.Exit(1)


@commands.command("show")
@click.option("--all", "shows_all", is_flag=True, help="Show the settings that have their default too.")
@as_json
def show(*, shows_all: bool, as_json: bool) -> None:
    """Show the settings in use and where each comes from; secrets and queries of URLs are shown as ***."""
    sources, config, rows = read_sources(), load_config(), []
    for info in settings():
        origin = sources.origin(info, os.environ)
        if origin or shows_all:
            value = _shown(info, attrgetter(info.path)(config), sources.text(info))
            rows.append((info.name, value, origin or "default"))
    if as_json:
        print_json([dict(zip(("name", "value", "from"), row, strict=True)) for row in rows])
    else:
        print_table([("setting", "value", "from"), *rows])


def _shown(info: SettingInfo, value: object, text: str) -> str:
    """Return a value for people; `text` is what the setting was given, if anything."""
    if value is None or (value == () and not info.default):
        return f"({info.default})" if info.computed else "-"
    if info.secret:
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | Path):
        # A query may hold a key, as that of AUTH_SERVICE_URL does.
        return re.sub(r"\?.+", "?***", str(value))
    return re.sub(r"\s*,\s*", ",", text) or info.default
