"""`sayna cache` on one of several machines: it sees, checks and clears the clips that all of them share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import create_app
from sayna.config import load_config
from tests.cli.conftest import Run
from tests.e2e.redis_server import Redis
from tests.state.conftest import emptied, redis_servers
from tests.storage.places import S3Place, s3_server

__all__ = ["redis_servers"]

pytestmark = pytest.mark.e2e
Speak = Callable[..., object]


@pytest.fixture
def machines(run: Run, tmp_path: Path, redis_servers: Callable[[str], Redis]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of two machines; the first has spoken two texts."""
    emptied(redis_servers, "redis-server")
    shared = {"REDIS_URL": redis_servers("redis-server").url, "SAYNA_SECRET": "s" * 32}
    one, two = ({**shared, "CACHE_PATH": str(tmp_path / name)} for name in ("one", "two"))
    for settings in (one, two):
        Path(settings["CACHE_PATH"]).mkdir(mode=0o700)
    for text in ("Ada Lovelace", "Alan Turing"):
        spoken = run("speak", text, "-o", "x.wav", **one)
        assert spoken.exit_code == 0, spoken.output
    return one, two


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Place]:
    """A bucket of a real S3 server."""
    with s3_server(tmp_path) as port:
        yield S3Place(port, "recordings")


def stats(run: Run, settings: dict[str, str]) -> tuple[int, int]:
    """Return the number of clips of this machine, and of the shared ones."""
    found = json.loads(run("cache", "stats", "--json", **settings).stdout)
    return found["entries"], found["shared"]["clips"]


def test_stats_and_verify_have_both_tiers(run: Run, machines: tuple[dict[str, str], dict[str, str]]) -> None:
    one, two = machines
    assert (stats(run, one), stats(run, two)) == ((2, 2), (0, 2))
    assert "shared clips" in run("cache", "stats", **two).stdout
    found = json.loads(run("cache", "verify", "--json", **two).stdout)
    assert found == {"checked": 0, "damaged": 0, "shared_checked": 2, "shared_damaged": 0}
    assert "2 shared clips checked, 0 damaged ones removed" in run("cache", "verify", **two).stdout


def test_clear_of_a_text_reaches_clips_of_other_machines(
    run: Run, machines: tuple[dict[str, str], dict[str, str]]
) -> None:
    one, two = machines
    assert run("cache", "clear", "--text", "Ada Lovelace", "--yes", **two).exit_code == 0
    assert (stats(run, one), stats(run, two)) == ((2, 1), (0, 1))
    app = create_app(load_config(one))
    metadata = app.test_client().post("/speak", json={"text": "Alan Turing"}).get_json()["metadata"]
    app.extensions["sayna"].close()
    assert metadata["cached"]
    assert run("cache", "clear", "--key", metadata["cache_key"], "--yes", **two).exit_code == 0
    assert (stats(run, one), stats(run, two)) == ((2, 0), (0, 0))
    assert run("speak", "A third", "-o", "x.wav", **one).exit_code == 0
    assert run("cache", "clear", "--provider", "espeak", "--yes", **two).stdout.startswith("1 shared clips removed")
    assert stats(run, two) == (0, 0)


def test_doctor_tries_the_store_of_clips(run: Run, machines: tuple[dict[str, str], dict[str, str]]) -> None:
    assert "Redis keeps clips for all machines" in run("doctor", **machines[0]).output


def test_doctor_names_the_bucket_that_has_the_clips(
    run: Run, machines: tuple[dict[str, str], dict[str, str]], s3: S3Place
) -> None:
    settings = {**machines[0], **s3.settings, "CLIPS_STORE": "recordings"}
    assert "the bucket of recordings keeps clips for all machines" in run("doctor", **settings).output
