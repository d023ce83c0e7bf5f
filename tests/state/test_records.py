"""Records: small texts by key, in groups, kept for a while."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.state.conftest import Backend


def always(text: str) -> Callable[[str | None], str]:
    """Return a change that ignores the earlier text."""
    return lambda _: text


def test_changed_text_is_there_for_all(backend: Backend) -> None:
    backend.records().change("k", "g", lambda text: "one" if text is None else "wrong")
    backend.records().change("k", "g", lambda text: f"{text} two")
    backend.records().change("k", "g", lambda text: None)
    assert backend.records().get("k") == "one two"
    assert backend.records().get("other") is None


def test_group_lists_the_newest_keys_first(backend: Backend) -> None:
    records = backend.records()
    for key in "abc":
        records.change(key, "g", always(key))
    records.change("x", "other", lambda _: "x")
    records.change("a", "g", lambda _: "a again")
    assert records.members("g", 10) == ["c", "b", "a again"]
    assert records.members("g", 2) == ["c", "b"]
    assert records.members("nobody's", 2) == []


def test_records_disappear_after_their_time(backend: Backend) -> None:
    records = backend.records(keep_seconds=0.0)
    records.change("k", "g", lambda _: "old")
    assert records.get("k") is None
    assert records.members("g", 10) == []


def test_only_the_newest_records_are_kept(backend: Backend) -> None:
    records = backend.records(max_records=3)
    for number in range(10):
        records.change(str(number), "g", always(str(number)))
    assert records.members("g", 10) == ["9", "8", "7"]


def test_changes_at_once_are_all_made(backend: Backend) -> None:
    def add(_: int) -> None:
        backend.records().change("k", "g", lambda text: f"{text or ''}x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert backend.records().get("k") == "x" * 40


def test_failed_change_leaves_the_text(backend: Backend) -> None:
    backend.records().change("k", "g", lambda _: "kept")

    def fail(_: str | None) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        backend.records().change("k", "g", fail)
    assert backend.records().get("k") == "kept"
