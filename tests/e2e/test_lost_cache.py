"""The files of the cache vanish under four workers: the next request of each one stores again."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.servers import Gunicorn
from tests.e2e.vendor import Vendor

WORKERS = 4
ROUND = 32


def remove_content(cache: Path) -> None:
    for each in cache.iterdir():
        # A worker may be writing there.
        shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink(missing_ok=True)


def empty_database(cache: Path) -> None:
    os.truncate(cache / "audio" / "cache.db", 0)


@pytest.mark.parametrize("disaster", [remove_content, empty_database], ids=lambda each: each.__name__)
def test_lost_cache_is_made_again_by_every_worker(
    server: StartServer, vendor: Vendor, disaster: Callable[[Path], None]
) -> None:
    vendor.pieces = 2
    sayna = server(WEB_CONCURRENCY=str(WORKERS), WEB_THREADS="16", **vendor.settings)
    sayna.await_workers(WORKERS)
    with ThreadPoolExecutor(16) as pool:

        def outcomes(name: str) -> list[str]:
            return list(pool.map(lambda number: outcome(sayna, f"{name} {number}"), range(ROUND)))

        outcomes("old")
        disaster(sayna.cache)
        assert outcomes("new") == ["MISS"] * ROUND
        assert outcomes("new") == ["HIT"] * ROUND
        assert outcomes("old").count("HIT") < ROUND
        assert outcomes("old") == ["HIT"] * ROUND
    assert sayna.address.ask("GET", "/ready").json()["checks"]["cache"] == "ok"
    assert "no such table" not in sayna.log
    assert "Traceback" not in sayna.log


def outcome(sayna: Gunicorn, text: str) -> str:
    answer = sayna.address.speak(text, provider="deepgram", audio_format="linear16")
    return answer.headers.get("x-cache", str(answer.status))
