"""The files of the metrics: shared by workers, continued by the next one, bounded."""

import multiprocessing
import re
import resource
import shutil
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sayna import metrics

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "metrics"
    metrics.enable(None)
    shutil.rmtree(tmp_path / "metrics", ignore_errors=True)


def work(folder: Path, ready: Event, stop: Event) -> None:
    metrics.enable(folder)
    metrics.count("deliveries", "delivered")
    meters = metrics.meters()
    assert meters is not None
    meters.renderings.inc()
    ready.set()
    stop.wait(60)


def scraped(folder: Path, name: str) -> float:
    metrics.enable(folder)
    text = metrics.exposition()[0].decode()
    found = re.search(rf"^{name}(?:{{\S*}})? (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def run(folder: Path, workers: int, *, kills: bool = False) -> None:
    """Let workers count at the same time; end them all."""
    stop = FORK.Event()
    started = []
    for _ in range(workers):
        ready = FORK.Event()
        process = FORK.Process(target=work, args=(folder, ready, stop))
        process.start()
        assert ready.wait(30)
        started.append(process)
    assert scraped(folder, "sayna_renderings") == workers
    if kills:
        for process in started:
            process.kill()
    else:
        stop.set()
    for process in started:
        process.join(30)


def test_counts_go_on_over_workers_that_end_or_die(folder: Path) -> None:
    run(folder, 3)
    run(folder, 3, kills=True)
    run(folder, 2)
    assert scraped(folder, "sayna_deliveries_total") == 8
    # Nothing renders in a worker that is gone.
    assert scraped(folder, "sayna_renderings") == 0


def test_number_of_files_is_that_of_workers_at_once(folder: Path) -> None:
    for _ in range(4):
        run(folder, 2, kills=True)
    # Two workers and this process, which scrapes: a lock and at most three files each.
    assert len(list(folder.iterdir())) <= 12
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 9 * metrics.FILE_BYTES


def test_folder_of_others_turns_metrics_off(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    metrics.enable(folder)
    metrics.count("deliveries", "delivered")
    assert metrics.meters() is None
    assert "metrics are off" in caplog.text
    with pytest.raises(OSError, match="no metrics"):
        metrics.exposition()


def count_without_space(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
    metrics.enable(folder)
    metrics.count("deliveries", "delivered")


def test_worker_without_space_does_not_break_the_metrics_of_others(folder: Path) -> None:
    metrics.enable(folder)
    metrics.count("deliveries", "delivered")
    process = FORK.Process(target=count_without_space, args=(folder,))
    process.start()
    process.join(60)
    assert process.exitcode == 0

    assert scraped(folder, "sayna_deliveries_total") == 1


def test_servers_have_folders_of_their_own() -> None:
    folders = {metrics.folder_of("0.0.0.0:3001", cache) for cache in ("/a", "/b")}
    folders.add(metrics.folder_of("0.0.0.0:3002", "/a"))
    assert len(folders) == 3
    assert metrics.folder_of("0.0.0.0:3001", "/a") in folders
