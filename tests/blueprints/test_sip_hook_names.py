"""POST /sip/hooks resolves the names of URLs, in a bounded time for all of them."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.sip.errors import HookNamesTooSlow
from sayna.sip.hook_url import check_hook_urls
from tests.blueprints.telephones import save

PUBLIC = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the look-ups of each name; names under slow.example are not answered before the test ends."""
    names: Counter[str] = Counter()
    over = threading.Event()

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        names[host] += 1
        if host.endswith(".slow.example"):
            over.wait(30)
        return PUBLIC

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield names
    over.set()


def test_slow_names_of_one_request_share_one_deadline(lookups: Counter[str]) -> None:
    urls = [f"https://h{number}.slow.example/hook" for number in range(50)]
    with pytest.raises(HookNamesTooSlow) as caught:
        check_hook_urls(urls, allow_private=False, name_seconds=0.1, all_seconds=0.25)
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "OVERLOADED", 5)
    assert len(lookups) <= 3


def test_name_that_dns_does_not_resolve_in_time_may_be_saved(lookups: Counter[str]) -> None:
    check_hook_urls(["https://h.slow.example/hook"], allow_private=False, name_seconds=0.1)
    assert lookups == {"h.slow.example": 1}


def test_name_of_many_hooks_is_looked_up_once(client: FlaskClient, lookups: Counter[str]) -> None:
    hooks = [{"host": f"{number}.example.com", "url": "https://backoffice.example/hook"} for number in range(100)]
    assert save(client, *hooks).status_code == 200
    assert lookups == {"backoffice.example": 1}
