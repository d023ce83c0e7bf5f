"""BlobStore: values change as a whole, one change at a time."""

import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sayna.errors import StoreUnavailable
from sayna.state.blobs import FileBlobStore
from tests.state.conftest import Backend

NAME = "sip_hooks.json"


def test_value_is_there_for_other_workers(backend: Backend) -> None:
    assert backend.blobs().read(NAME) is None
    backend.blobs().change(NAME, lambda value: b"one" if value is None else b"unexpected")
    assert backend.blobs().read(NAME) == b"one"
    backend.blobs().change(NAME, lambda _: None)
    assert backend.blobs().read(NAME) == b"one"
    assert backend.blobs().read("other") is None


def test_failed_change_leaves_the_value(backend: Backend) -> None:
    backend.blobs().change(NAME, lambda _: b"one")

    def fail(_: bytes | None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        backend.blobs().change(NAME, fail)
    assert backend.blobs().read(NAME) == b"one"


def test_parallel_changes_are_all_there(backend: Backend) -> None:
    def append(number: int) -> None:
        backend.blobs(wait_seconds=30).change(NAME, lambda value: (value or b"") + bytes([number]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(50)))
    assert sorted(backend.blobs().read(NAME) or b"") == list(range(50))


def test_change_times_out_while_another_one_runs(backend: Backend) -> None:
    changing, go_on = threading.Event(), threading.Event()

    def slow(_: bytes | None) -> bytes:
        changing.set()
        go_on.wait(10)
        return b"slow"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(backend.blobs().change, NAME, slow)
        assert changing.wait(10)
        with pytest.raises(StoreUnavailable):
            backend.blobs(wait_seconds=0.05).change(NAME, lambda _: b"quick")
        go_on.set()
        first.result()
    assert backend.blobs().read(NAME) == b"slow"


def test_folder_where_the_file_should_be_raises_oserror(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(OSError, match="directory"):
        FileBlobStore(tmp_path).change(NAME, lambda _: b"one")
    assert not list(tmp_path.glob("*.tmp"))


def test_timeout_of_the_disk_is_not_taken_for_another_change(tmp_path: Path) -> None:
    def change(_: bytes | None) -> bytes | None:
        raise TimeoutError(errno.ETIMEDOUT, "the disk does not answer")

    with pytest.raises(TimeoutError, match="the disk does not answer"):
        FileBlobStore(tmp_path).change(NAME, change)
