"""The command `sayna` in the process of the test, as a person calls it in an empty folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sayna.cli.command import sayna
from sayna.config import settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call `sayna` with settings; those of the machine that runs the tests do not count."""
    monkeypatch.chdir(tmp_path)
    unset = dict.fromkeys((info.name for info in settings()), None)
    # An --env-file becomes part of the environment; each call begins without it.
    before = dict(os.environ)

    def call(*arguments: str, text: str | bytes | None = None, **environ: str) -> Result:
        try:
            return CliRunner().invoke(sayna, arguments, input=text, env={**unset, **environ}, prog_name="sayna")
        finally:
            for name in set(os.environ) - set(before):
                del os.environ[name]

    return call
