"""Files of an installation that an earlier version wrote: nothing in them is lost."""

import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.state.embedded import SharedState, embedded_state
from sayna.state.ports import CallSlot, ConcurrencyLimitReached, Earlier

ANSWERS = "CREATE TABLE answers (key BLOB PRIMARY KEY, request BLOB NOT NULL, answer TEXT, at REAL NOT NULL);"
CALLS = """
CREATE TABLE begun (tenant TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE lines
    (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, room TEXT NOT NULL, identity TEXT NOT NULL,
     at REAL NOT NULL, placed INTEGER NOT NULL DEFAULT 0);
INSERT INTO lines VALUES ('slot', 'a', 'lobby', 'bob', 1.0, 1);
"""
DELIVERIES = """
CREATE TABLE waiting
    (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, host TEXT NOT NULL, owner TEXT,
     room TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL, due REAL NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0);
INSERT INTO waiting (id, host, owner, room, body, created, due, attempts)
    VALUES ('EV_1', 'a.example.com', 'a', 'lobby', '{}', 2.0, 1.0, 3);
"""
SEEN = "CREATE TABLE seen (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, at REAL NOT NULL);"
HOOKS = b'[{"host": "a.example.com", "url": "https://93.184.216.34/", "auth_id": "a"}]'


def write(file: Path, script: str) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.executescript(script)


@pytest.fixture
def state(tmp_path: Path) -> SharedState:
    key, at = sha256(b"a\nk").hexdigest(), time.time()
    write(tmp_path / "sip" / "answers.sqlite", f"{ANSWERS} INSERT INTO answers VALUES (x'{key}', x'01', '{{}}', {at});")
    write(tmp_path / "sip" / "calls.sqlite", CALLS)
    write(tmp_path / "sip" / "deliveries.sqlite", DELIVERIES)
    write(tmp_path / "livekit" / "events.sqlite", SEEN)
    (tmp_path / "sip_hooks.json").write_bytes(HOOKS)
    settings = {"CACHE_PATH": str(tmp_path), "SIP_MAX_CONCURRENT_CALLS": "1"}
    return embedded_state(load_config(settings), tmp_path)


def test_idempotency_keys_are_kept(state: SharedState) -> None:
    with state.call_keys.attempt("a\nk") as attempt:
        assert attempt.earlier() == Earlier(b"\x01", "{}")


def test_calls_under_way_are_counted(state: SharedState) -> None:
    with pytest.raises(ConcurrencyLimitReached):
        state.calls.acquire("a", "lobby", "eve")
    assert state.calls.oldest("a", 64) == [CallSlot("slot", "lobby", "bob")]


def test_waiting_events_are_delivered(state: SharedState) -> None:
    assert state.outbox.due(8) == [("EV_1", "a.example.com")]
    delivery = state.outbox.get("EV_1")
    assert delivery is not None
    assert (delivery.owner, delivery.body, delivery.created, delivery.attempts) == ("a", "{}", 2.0, 3)


def test_hooks_are_kept(state: SharedState) -> None:
    assert state.hooks is not None
    assert state.hooks.read("sip_hooks.json") == HOOKS


def test_file_of_event_ids_can_be_used(state: SharedState) -> None:
    for expected in (None, Earlier(b"", "")):
        with state.event_ids.attempt("EV_1") as attempt:
            assert attempt.earlier() == expected
            attempt.finish("")
