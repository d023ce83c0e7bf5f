"""`sayna serve`: gunicorn with the settings of Sayna, in this very process."""

import contextlib
import errno
import os
import socket
import sys
from pathlib import Path

import click

from sayna.cli.command import Command
from sayna.config import ConfigError, load_config

ROOT = Path(__file__).resolve().parents[2]


@click.command("serve", cls=Command)
@click.option("--welcome", is_flag=True, help="Print where the server listens; keep the cache in var/cache.")
def serve(*, welcome: bool) -> None:
    """Serve the HTTP API until a signal stops it. Exits with 78 when a setting is wrong."""
    try:
        settings = load_config()
    except ConfigError as problems:
        click.echo(problems, err=True)
        # systemd does not start the service again after this status (RestartPreventExitStatus).
        raise click.exceptions.Exit(os.EX_CONFIG) from problems
    _check_free(settings.server.bind)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    if welcome:
        os.environ["SAYNA_WELCOME"] = "1"
        # Without a folder each worker has a cache of its own, and each renders the same sentence.
        if settings.cache.path is None:
            with contextlib.suppress(OSError):
                Path("var/cache").mkdir(parents=True, exist_ok=True)
    arguments = ("-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "wsgi:app")
    # The same process, so that signals and systemd's notifications reach gunicorn.
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted


def _check_free(bind: str) -> None:
    """Raise ClickException where another program has the port; gunicorn would try for five seconds, and log that."""
    host, _, port = bind.rpartition(":")
    if bind.startswith(("unix:", "fd:")):
        return
    family, address = socket.AF_INET6 if host.startswith("[") else socket.AF_INET, host.strip("[]")
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, int(port)))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                raise click.ClickException(
                    f"{bind} cannot be used: {error.strerror}. Set PORT, HOST or BIND."
                ) from error
