"""POST /sip/hooks looks names up, and takes a bounded time for all of them."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.blueprints.telephones import listed, save

PUBLIC = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the look-ups of each name; names under slow.example are not answered before the test ends."""
    names: Counter[str] = Counter()
    over = threading.Event()

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        names[host] += 1
        if host.endswith(".slow.example"):
            over.wait(30)
        return PUBLIC

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("sayna.sip.hook_url.RESOLVE_SECONDS", 0.2)
    monkeypatch.setattr("sayna.sip.hook_url.ALL_SECONDS", 0.5, raising=False)
    yield names
    over.set()


def hooks(count: int, where: str) -> list[dict[str, str]]:
    return [{"host": f"{number}.example.com", "url": f"https://{where.format(number)}/hook"} for number in range(count)]


def test_names_that_nobody_answers_for_hold_a_request_for_one_deadline(
    client: FlaskClient, asked: Counter[str]
) -> None:
    began = time.monotonic()
    answer = save(client, *hooks(50, "h{}.slow.example"))
    assert time.monotonic() - began < 3
    assert (answer.status_code, answer.get_json()["code"]) == (503, "OVERLOADED")
    assert "Retry-After" in answer.headers
    assert listed(client) == []
    assert len(asked) <= 3
    assert save(client, *hooks(1, "h{}.slow.example")).status_code == 200


def test_a_name_of_many_hooks_is_looked_up_once(client: FlaskClient, asked: Counter[str]) -> None:
    assert save(client, *hooks(100, "backoffice.example")).status_code == 200
    assert asked == {"backoffice.example": 1}
