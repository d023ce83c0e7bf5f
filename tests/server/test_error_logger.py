"""gunicorn builds no access line of a request."""

import subprocess
import sys

import pytest

from tests.e2e.servers import ROOT

# In a process of its own, because gunicorn sets up the loggers of the whole process.
SCRIPT = """
import sys
from gunicorn.config import Config
from gunicorn.util import load_class

class Recorder(load_class(sys.argv[1])):
    def atoms(self, *values):
        print("built")
        return {}

config = Config()
config.set("accesslog", "-")
Recorder(config).access(None, None, {}, None)
"""


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.mark.parametrize(
    ("logger", "built"),
    [("sayna.server.error_logger.ErrorLogger", False), ("gunicorn.glogging.Logger", True)],
)
def test_access_line_is_built_by_gunicorns_own_logger_alone(logger: str, built: bool) -> None:
    assert ("built" in run("-c", SCRIPT, logger)) is built


def test_gunicorn_is_started_with_this_logger() -> None:
    printed = run("-m", "gunicorn", "--config", "gunicorn.conf.py", "--print-config", "wsgi:app")
    assert "ErrorLogger" in next(line for line in printed.splitlines() if line.startswith("logger_class"))
