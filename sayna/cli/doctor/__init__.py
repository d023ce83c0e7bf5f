"""`sayna doctor`: what the server needs is tried, one thing after the other."""

from collections.abc import Callable, Iterator
from dataclasses import asdict

import click

from sayna.cli.command import Command, as_json, print_json, services
from sayna.cli.doctor import machine, remote
from sayna.cli.doctor.finding import Finding, fail
from sayna.config import ConfigError, load_config
from sayna.services import Services

STATUS = {"ok": 0, "warn": 1, "fail": 2}
COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}
# By the word that stands in the line of a finding.
CHECKS: dict[str, Callable[[Services], Iterator[Finding]]] = {
    "settings": machine.check_settings,
    "secrets": machine.check_secrets,
    "folder": machine.check_folder,
    "locks": machine.check_locks,
    "clock": machine.check_clock,
    "authorities": machine.check_authorities,
    "files": machine.check_files,
    "proxies": machine.check_proxies,
    "livekit": remote.check_livekit,
    "recordings": remote.check_recordings,
    "redis": remote.check_redis,
    "clips": remote.check_shared_clips,
    "auth": remote.check_auth_service,
    "hooks": remote.check_hooks,
    "providers": remote.check_providers,
}
DEEP_CHECKS = {"vendors": remote.check_vendors}


@click.command("doctor", cls=Command)
@click.option("--deep", is_flag=True, help="Ask every vendor for its voices: a wrong key shows, and nothing is paid.")
@as_json
def doctor(*, deep: bool, as_json: bool) -> None:
    """Try what the server needs, and say what is wrong and what to do."""
    found: list[tuple[str, Finding]] = []
    for name, finding in _findings(deep=deep):
        found.append((name, finding))
        if not as_json:
            click.echo(f"{click.style(f'{finding.status:<5}', COLORS[finding.status])} {name:<10} {finding.what}")
            if finding.advice:
                click.echo(f"{'':17}{finding.advice}")
    if as_json:
        print_json([{"check": name, **asdict(finding)} for name, finding in found])
    raise click.exceptions.Exit(max(STATUS[each.status] for _, each in found))


def _findings(*, deep: bool) -> Iterator[tuple[str, Finding]]:
    """Yield the findings; without usable settings or their folder there is nothing to build the services from."""
    try:
        folder = load_config().cache.path
        if folder is not None and not folder.is_dir():
            yield "folder", fail(f"CACHE_PATH is {folder}, and that folder is missing", f"mkdir -p -m 700 {folder}")
            return
        services()
    except ConfigError as error:
        yield from (("settings", fail(problem, "Correct the setting.")) for problem in error.problems)
        return
    for name, check in {**CHECKS, **(DEEP_CHECKS if deep else {})}.items():
        yield from ((name, finding) for finding in check(services()))
