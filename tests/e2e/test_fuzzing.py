"""schemathesis holds the running service to its own document, with every check that it knows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("FUZZING_EXAMPLES", "100")  # of each operation; 2000 is a good night's run
SECRET = "a-secret-of-the-tests"
OPEN: dict[str, str] = {}
CLOSED = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": SECRET}


@pytest.mark.parametrize("settings", [OPEN, CLOSED], ids=["open", "closed"])
def test_the_service_does_what_its_document_says(
    tmp_path: Path, server: StartServer, settings: dict[str, str]
) -> None:
    gunicorn = server(WEB_CONCURRENCY="2", WEB_THREADS="16", **settings)
    url = f"http://127.0.0.1:{gunicorn.address.port}"

    tested = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--url", url),
            *("--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure"),
            *(("--header", f"Authorization: Bearer {SECRET}") if settings else ()),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )

    assert tested.returncode == 0, tested.stdout
    selected = re.search(r"(\d+) selected / (\d+) total", tested.stdout)
    assert selected is not None
    assert selected[1] == selected[2] != "0"
    assert "INTERNAL_ERROR" not in gunicorn.log
