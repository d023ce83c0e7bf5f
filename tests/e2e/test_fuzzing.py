"""schemathesis holds the running service to its own document, with every check that it knows."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blueprints.rooms import bearer
from tests.e2e.conftest import StartServer
from tests.e2e.livekit import Studio
from tests.e2e.servers import Gunicorn
from tests.recordings.places import LocalPlace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("FUZZING_EXAMPLES", "60")  # of each operation; 2000 is a good night's run
SIZE = {"WEB_CONCURRENCY": "2"}


def test_a_bare_service_does_what_its_document_says(tmp_path: Path, server: StartServer) -> None:
    fuzz(server(**SIZE), tmp_path)


def test_a_service_with_tokens_and_rooms_does_what_its_document_says(
    tmp_path: Path, make_studio: Callable[..., Studio]
) -> None:
    place = LocalPlace(tmp_path / "recordings")
    place.record("support-call-789", b"OggS", auth_id="a")
    studio = make_studio(**SIZE, **place.settings)
    fuzz(studio.sayna, tmp_path, "--header", f"Authorization: {bearer('a')['Authorization']}")


def fuzz(gunicorn: Gunicorn, folder: Path, *options: str) -> None:
    """Fail with schemathesis's own words when anything is not as the document says."""
    url = f"http://127.0.0.1:{gunicorn.address.port}"

    tested = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--url", url),
            *("--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure"),
            *options,
        ],
        cwd=folder,
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
