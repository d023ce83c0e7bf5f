import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sayna.sip.errors import CallFailed, KeyReused
from sayna.sip.idempotency import IdempotencyRecord, lend_record
from sayna.state.call_keys import SQLiteOnce
from sayna.state.locks import FileLocks

REQUEST: dict[str, object] = {"to": "+1"}


def store(folder: Path, **limits: Any) -> SQLiteOnce:
    return SQLiteOnce(folder, "answers", FileLocks(folder, "answer"), wait_seconds=1, **limits)


@contextlib.contextmanager
def attempt(keys: SQLiteOnce, tenant: str, key: str, request: dict[str, object]) -> Iterator[IdempotencyRecord]:
    with contextlib.ExitStack() as held:
        yield lend_record(keys, tenant, key, request, held)


def test_key_of_a_process_that_died_while_dialling_fails(tmp_path: Path) -> None:
    with attempt(store(tmp_path), "a", "k", REQUEST) as record:
        record.begin()
    with (
        pytest.raises(CallFailed, match="outcome is unknown"),
        attempt(store(tmp_path), "a", "k", REQUEST),
    ):
        pass


def test_answer_is_kept_for_a_day(tmp_path: Path) -> None:
    answers = store(tmp_path)
    with attempt(answers, "a", "k", REQUEST) as record:
        assert record.answer is None
        record.begin()
        record.finish({"sip_call_id": "SCL_1"})
    with attempt(answers, "a", "k", REQUEST) as record:
        assert record.answer == {"sip_call_id": "SCL_1"}
    with pytest.raises(KeyReused), attempt(answers, "a", "k", {"to": "+2"}):
        pass
    with attempt(store(tmp_path, keep_seconds=0), "a", "k", {"to": "+2"}) as record:
        assert record.answer is None


def test_request_is_not_on_disk_in_clear(tmp_path: Path) -> None:
    with attempt(store(tmp_path), "a", "canary-key", {"password": "canary-password"}) as record:
        record.begin()
    assert not [file for file in tmp_path.iterdir() if b"canary" in file.read_bytes()]
