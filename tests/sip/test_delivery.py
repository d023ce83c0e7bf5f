"""The Deliverer alone, with limits that an application does not set."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.sip.delivery import MAX_AT_A_TIME, MAX_AT_HOST, MAX_AT_TENANT, Deliverer
from sayna.sip.hooks import Hooks
from sayna.state.blobs import FileBlobStore
from sayna.state.outbox import SQLiteOutbox
from tests.e2e.program import until
from tests.sip.inbound import SETTINGS, Target, accept
from tests.threads import no_new_threads
from tests.wire import FaultServer
from tests.wire.server import Exchange

Start = Callable[..., SQLiteOutbox]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a starter of a Deliverer, which returns its outbox; with `quick` there are two tenants, dead and quick."""
    stop, threads = threading.Event(), list[threading.Thread]()

    def start(
        hooks: dict[str, FaultServer], quick: dict[str, FaultServer] | None = None, **limits: float
    ) -> SQLiteOutbox:
        outbox = SQLiteOutbox(tmp_path / "sip")
        stored = [
            {"host": host, "url": f"{server.url}/", **({"auth_id": tenant} if quick else {})}
            for tenant, group in (("dead", hooks), ("quick", quick or {}))
            for host, server in group.items()
        ]
        config = load_config({**SETTINGS, "SIP_HOOKS_JSON": json.dumps(stored)})
        deliverer = Deliverer(outbox, Hooks(config, FileBlobStore(tmp_path)), allow_private=True, **limits)
        threads.append(threading.Thread(target=deliverer.run, args=(stop,)))
        threads[0].start()
        return outbox

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_event_whose_delivery_cannot_begin_is_tried_again(tmp_path: Path) -> None:
    with Target() as target:
        config = load_config(
            {**SETTINGS, "SIP_HOOKS_JSON": json.dumps([{"host": "a.example.com", "url": f"{target.url}/"}])}
        )
        outbox, stop = SQLiteOutbox(tmp_path / "sip"), threading.Event()
        deliverer = Deliverer(outbox, Hooks(config, FileBlobStore(tmp_path)), allow_private=True)
        put(outbox, "EV_1", "a.example.com")
        with no_new_threads():
            deliverer._begin_due()
        running = threading.Thread(target=deliverer.run, args=(stop,))
        running.start()
        try:
            assert target.received(1)[0].headers["x-sayna-event-id"] == "EV_1"
            until(lambda: outbox.get("EV_1") is None, 30, "the event is removed")
        finally:
            stop.set()
            running.join()


def put(outbox: SQLiteOutbox, event_id: str, host: str, tenant: str | None = None) -> None:
    outbox.put(event_id, host=host, owner=tenant, room=event_id, body="{}")


def test_hanging_hook_takes_few_threads_and_delays_no_other(start: Start) -> None:
    with FaultServer() as dead, Target() as target:
        dead.always(lambda exchange: exchange.hang())
        outbox = start({"dead.example.com": dead, "a.example.com": target}, attempt_seconds=60.0)
        for number in range(100):
            put(outbox, f"D_{number}", "dead.example.com")
        put(outbox, "EV_1", "a.example.com")
        assert target.received(1)[0].headers["x-sayna-event-id"] == "EV_1"
        assert dead.connections <= MAX_AT_HOST


def test_hanging_hooks_of_one_tenant_delay_no_other_tenant(start: Start) -> None:
    with FaultServer() as dead, Target() as target:
        dead.always(lambda exchange: exchange.hang())
        hosts = [f"{number}.example.com" for number in range(MAX_AT_A_TIME + 1)]
        outbox = start(dict.fromkeys(hosts, dead), {"a.example.net": target}, attempt_seconds=60.0)
        for host in hosts:
            put(outbox, f"D_{host}", host, "dead")
        until(lambda: dead.connections >= MAX_AT_TENANT, 60, "the hooks hang")
        put(outbox, "EV_1", "a.example.net", "quick")
        assert target.received(1)[0].headers["x-sayna-event-id"] == "EV_1"
        assert dead.connections == MAX_AT_TENANT


def test_delivery_that_cannot_be_stored_repeats_after_a_pause(start: Start, tmp_path: Path) -> None:
    times: list[float] = []

    def note(exchange: Exchange) -> None:
        times.append(time.monotonic())
        accept(exchange)

    with Target() as target:
        target.always(note)
        outbox = SQLiteOutbox(tmp_path / "sip")
        put(outbox, "EV_1", "a.example.com")
        stuck = "CREATE TRIGGER stuck BEFORE DELETE ON waiting BEGIN SELECT RAISE(ABORT, 'stuck'); END"
        with closing(sqlite3.connect(tmp_path / "sip" / "deliveries.sqlite")) as database:
            database.execute(stuck)
            start({"a.example.com": target}, store_pause_seconds=0.5)
            target.received(2)
            database.execute("DROP TRIGGER stuck")
        assert times[1] - times[0] >= 0.5
        until(lambda: outbox.get("EV_1") is None, 30, "the event is removed")
