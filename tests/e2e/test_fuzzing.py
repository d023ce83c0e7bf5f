"""schemathesis holds the running service to its own document, with every check that it knows."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blueprints.rooms import bearer
from tests.e2e.conftest import StartServer
from tests.e2e.livekit import Studio
from tests.e2e.program import until
from tests.e2e.servers import Gunicorn
from tests.storage.places import LocalPlace

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = int(os.environ.get("FUZZING_EXAMPLES", "20"))  # of each operation; 2000 take hours
SEED = os.environ.get("FUZZING_SEED", "1")  # a run says the same each time; another seed looks elsewhere
LIMIT = 600 + 8 * EXAMPLES  # seconds
pytestmark = pytest.mark.timeout(LIMIT + 60)
SIZE = {"WEB_CONCURRENCY": "2", "SAY_ENABLED": "true"}


def test_a_bare_service_does_what_its_document_says(tmp_path: Path, server: StartServer) -> None:
    fuzz(server(**SIZE, COMPAT_ENABLED="openai,jambonz,elevenlabs,marytts"), tmp_path)


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
    # The path that the document comes from, schemathesis leaves out unless it is named.
    for selection in ((), ("--include-path", "/openapi.json")):
        schemathesis(url, folder, *selection, *options)

    assert "INTERNAL_ERROR" not in gunicorn.log
    requests: dict[str, int] = {}

    def are_logged() -> bool:
        requests.update(asked(gunicorn, url))
        return min(requests.values()) >= EXAMPLES

    try:
        until(are_logged, 30, "each operation was tried, and is logged")
    finally:
        print(json.dumps(requests, indent=1))


def schemathesis(url: str, folder: Path, *options: str) -> None:
    """Run it with every check; fails unless all that was selected was tried and nothing was found."""
    tested = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--url", url),
            *("--checks", "all", "--max-examples", str(EXAMPLES), "--seed", SEED, "--continue-on-failure"),
            # This check judges how quickly examples are found, not the service.
            *("--suppress-health-check", "filter_too_much"),
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )

    assert tested.returncode == 0, tested.stdout
    operations = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)", tested.stdout)
    assert operations is not None
    assert operations[1] == operations[2] != "0"


def asked(gunicorn: Gunicorn, url: str) -> dict[str, int]:
    """Return how many requests each operation of the document got, counted in the service's own log."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=60) as answer:
        paths = json.load(answer)["paths"]
    found = Counter(
        (line["method"], re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", line["route"]))
        for line in gunicorn.records
        if "route" in line
    )
    return {
        f"{method.upper()} {path}": found[method.upper(), path] for path, methods in paths.items() for method in methods
    }
