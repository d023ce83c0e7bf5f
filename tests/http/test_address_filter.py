"""Requests that may only reach some addresses: what was vetted is what is connected."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sayna import http
from tests.wire import FaultServer, answers

Resolve = Callable[..., list[Any]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and their addresses; of an address that is taken from the list the last one stays."""
    names: dict[str, list[str]] = {}
    system: Resolve = socket.getaddrinfo

    def look_up(host: str, port: int, **kind: Any) -> list[Any]:
        addresses = names.get(host, [host])
        return [found for address in addresses for found in system(address, port, **kind)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def ask(url: str, address_filter: Callable[[str], bool] | None) -> int:
    answer = http.post(
        url,
        data=b"{}",
        headers={},
        deadline=http.Deadline.after(5),
        connect_seconds=2,
        max_bytes=100,
        address_filter=address_filter,
    )
    return answer.status


def test_vetted_address_is_connected_under_the_name_that_was_asked_for(
    resolver: dict[str, list[str]],
) -> None:
    resolver["hook.example.com"] = ["127.0.0.1"]
    seen: list[str] = []
    with FaultServer() as server:
        server.always(answers.whole(b""))
        assert ask(f"http://hook.example.com:{server.port}/x", lambda address: not seen.append(address)) == 200
        [hit] = server.hits
    assert seen == ["127.0.0.1"]
    assert hit.headers["host"] == f"hook.example.com:{server.port}"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_name_that_leads_home_is_not_connected(resolver: dict[str, list[str]], addresses: list[str]) -> None:
    resolver["hook.example.com"] = addresses
    with FaultServer() as server:
        with pytest.raises(http.NotAllowed):
            ask(f"http://hook.example.com:{server.port}/x", http.is_public)
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "0"])
def test_every_spelling_of_home_is_seen_through(host: str) -> None:
    with FaultServer() as server:
        with pytest.raises(http.NotAllowed):
            ask(f"http://{host}:{server.port}/x", http.is_public)
        assert server.connections == 0


def test_name_that_changes_its_mind_is_vetted_anew_and_no_connection_is_inherited(
    resolver: dict[str, list[str]],
) -> None:
    resolver["hook.example.com"] = ["127.0.0.1"]
    with FaultServer() as server:
        server.always(answers.whole(b""))
        url = f"http://hook.example.com:{server.port}/x"
        assert ask(url, None) == 200
        with pytest.raises(http.NotAllowed):
            ask(url, http.is_public)
        assert ask(url, None) == 200
        assert server.connections == 1


def test_a_deadline_that_is_over_begins_no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **_: asked.append(name))
    with pytest.raises(TimeoutError):
        http.resolve("vendor.example", 443, http.Deadline(0.0))
    assert not any(thread.name == "resolver" for thread in threading.enumerate())
    assert asked == []
