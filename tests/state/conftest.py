"""The implementations of the ports: each test of a port runs over all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sayna.state.blobs import FileBlobStore
from sayna.state.call_counter import SQLiteCounter
from sayna.state.leader import FileLeader
from sayna.state.locks import FileLocks
from sayna.state.once import SQLiteOnce
from sayna.state.outbox import SQLiteOutbox
from sayna.state.ports import BlobStore, Counter, Leader, Lock, Once, Outbox, Records, UsageStore
from sayna.state.records import SQLiteRecords
from sayna.state.usage_table import SQLiteUsage


@dataclass(frozen=True, slots=True)
class Backend:
    """Makes objects of one implementation; two objects of a port share their state, as workers do."""

    lock: Callable[[], Lock]
    leader: Callable[[], Leader]
    once: Callable[..., Once]
    counter: Callable[..., Counter]
    outbox: Callable[..., Outbox]
    records: Callable[..., Records]
    blobs: Callable[..., BlobStore]
    usage: Callable[[], UsageStore]


def embedded(folder: Path) -> Backend:
    """Return the implementation in files."""

    def once(*, wait_seconds: float = 5.0, **limits: Any) -> Once:
        return SQLiteOnce(folder, "answers", FileLocks(folder, "answer"), wait_seconds=wait_seconds, **limits)

    return Backend(
        lock=lambda: FileLocks(folder, "room"),
        leader=lambda: FileLeader(folder),
        once=once,
        counter=lambda **limits: SQLiteCounter(folder, **{"per_minute": 1000, "at_a_time": None, **limits}),
        outbox=lambda **limits: SQLiteOutbox(folder, **limits),
        records=lambda **limits: SQLiteRecords(folder, "history", **limits),
        blobs=lambda **limits: FileBlobStore(folder, **limits),
        usage=lambda: SQLiteUsage(folder, wait_seconds=60),
    )


@pytest.fixture(params=[embedded])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Return each implementation in turn."""
    made: Backend = request.param(tmp_path / "state")
    return made
