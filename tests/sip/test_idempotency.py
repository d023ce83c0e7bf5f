from pathlib import Path

import pytest

from sayna.sip.errors import CallFailed, KeyReused
from sayna.sip.idempotency import IdempotencyStore

REQUEST = {"to": "+1"}


def test_request_of_a_process_that_died_while_it_dialled_is_never_begun_again(tmp_path: Path) -> None:
    with IdempotencyStore(tmp_path, 1).attempt("a", "k", REQUEST) as attempt:
        attempt.begin()
    with (
        pytest.raises(CallFailed, match="nobody knows"),
        IdempotencyStore(tmp_path, 1).attempt("a", "k", REQUEST),
    ):
        pass


def test_answer_is_kept_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = IdempotencyStore(tmp_path, 1)
    with once.attempt("a", "k", REQUEST) as attempt:
        assert attempt.answer is None
        attempt.begin()
        attempt.end({"sip_call_id": "SCL_1"})
    with once.attempt("a", "k", REQUEST) as attempt:
        assert attempt.answer == {"sip_call_id": "SCL_1"}
    with pytest.raises(KeyReused), once.attempt("a", "k", {"to": "+2"}):
        pass
    monkeypatch.setattr("sayna.sip.idempotency.KEEP_SECONDS", -1)
    with once.attempt("a", "k", {"to": "+2"}) as attempt:
        assert attempt.answer is None


def test_what_a_request_says_is_not_on_disk(tmp_path: Path) -> None:
    with IdempotencyStore(tmp_path, 1).attempt("a", "canary-key", {"password": "canary-password"}) as attempt:
        attempt.begin()
    assert not [file for file in tmp_path.iterdir() if b"canary" in file.read_bytes()]
