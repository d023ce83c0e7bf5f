"""Requests that may reach only some addresses: the addresses that were checked are those that are connected."""

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
    """The addresses of each name; any other name is looked up by the system."""
    names: dict[str, list[str]] = {}
    system: Resolve = socket.getaddrinfo

    def look_up(host: str, port: int, **kind: Any) -> list[Any]:
        addresses = names.get(host, [host])
        return [found for address in addresses for found in system(address, port, **kind)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def post(url: str, address_filter: Callable[[str], bool] | None) -> int:
    response = http.send(
        "POST",
        url,
        data=b"{}",
        headers={},
        deadline=http.Deadline.after(5),
        connect_seconds=2,
        max_bytes=100,
        address_filter=address_filter,
    )
    response.read()
    return response.status


def test_checked_address_is_connected_with_the_host_of_the_url(
    resolver: dict[str, list[str]],
) -> None:
    resolver["hook.example.com"] = ["127.0.0.1"]
    seen: list[str] = []

    def allow(address: str) -> bool:
        seen.append(address)
        return True

    with FaultServer() as server:
        server.always(answers.whole(b""))
        assert post(f"http://hook.example.com:{server.port}/x", allow) == 200
        [hit] = server.hits
    assert seen == ["127.0.0.1"]
    assert hit.headers["host"] == f"hook.example.com:{server.port}"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["::1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_name_with_a_private_address_is_not_connected(resolver: dict[str, list[str]], addresses: list[str]) -> None:
    resolver["hook.example.com"] = addresses
    with FaultServer() as server:
        with pytest.raises(http.NotAllowed):
            post(f"http://hook.example.com:{server.port}/x", http.is_public)
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "0"])
def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    with FaultServer() as server:
        with pytest.raises(http.NotAllowed):
            post(f"http://{host}:{server.port}/x", http.is_public)
        assert server.connections == 0


def test_filtered_request_reuses_no_unfiltered_connection(
    resolver: dict[str, list[str]],
) -> None:
    resolver["hook.example.com"] = ["127.0.0.1"]
    with FaultServer() as server:
        server.always(answers.whole(b""))
        url = f"http://hook.example.com:{server.port}/x"
        assert post(url, None) == 200
        with pytest.raises(http.NotAllowed):
            post(url, http.is_public)
        assert post(url, None) == 200
        assert server.connections == 1


def test_name_is_not_looked_up_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **_: asked.append(name))
    # A slow look-up of an earlier test may still be under way.
    earlier = set(threading.enumerate())
    with pytest.raises(TimeoutError):
        http.resolve("vendor.example", 443, http.Deadline(0.0))
    assert not any(thread.name == "resolver" for thread in set(threading.enumerate()) - earlier)
    assert asked == []
