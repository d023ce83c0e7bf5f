"""Shared secrets, and the order in which they and the service are asked."""

import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from sayna import http
from sayna.auth import Authenticator, AuthRequest
from sayna.caller import Caller
from sayna.config import load_config
from sayna.errors import NotAuthenticated
from tests.auth.conftest import FakeService

FACTS = AuthRequest("POST", "/speak", {}, {"text": "Hello"})


def with_secrets(secrets: dict[str, str]) -> Authenticator:
    entries = json.dumps([{"id": tenant, "secret": secret} for tenant, secret in secrets.items()])
    environ = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": entries}
    return Authenticator(load_config(environ).auth, http.post)


def test_each_secret_stands_for_its_tenant() -> None:
    authenticator = with_secrets({"tenant-a": "secret-a", "tenant-b": "secret-b"})
    assert authenticator.authenticate("secret-a", lambda: FACTS) == Caller("tenant-a")
    assert authenticator.authenticate("secret-b", lambda: FACTS) == Caller("tenant-b")


@pytest.mark.parametrize(
    "token",
    ["", "secret", "secret-a ", "Secret-a", "secret-a\x00", "é", "€", "\udc80", "x" * 10_000, "tenant-a"],
)
def test_any_other_token_is_unauthorized(token: str) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        with_secrets({"tenant-a": "secret-a"}).authenticate(token, lambda: FACTS)
    assert (caught.value.status, caught.value.auth_code) == (401, "unauthorized")


def test_the_place_of_a_secret_does_not_show_in_the_time_taken() -> None:
    authenticator = with_secrets({f"tenant-{place}": f"secret-{place}" for place in range(1000)})
    tokens = ("secret-0", "secret-999", "none of them")
    best = dict.fromkeys(tokens, float("inf"))
    for _ in range(50):
        for token in tokens:
            best[token] = min(best[token], seconds_for(authenticator, token))
    # Leaving at the first match would make the first of a thousand some hundred times faster.
    assert max(best.values()) < 2 * min(best.values())


def seconds_for(authenticator: Authenticator, token: str) -> float:
    started = time.perf_counter()
    with suppress(NotAuthenticated):
        authenticator.authenticate(token, lambda: FACTS)
    return time.perf_counter() - started


def test_with_both_ways_a_known_secret_never_reaches_the_service(
    service: FakeService, delegated: Callable[..., Authenticator]
) -> None:
    service.body = b'{"id": "from-the-service"}'
    authenticator = delegated(AUTH_API_SECRET="known", AUTH_API_SECRET_ID="from-the-secret")
    assert authenticator.authenticate("known", lambda: FACTS) == Caller("from-the-secret")
    assert service.asked == []
    assert authenticator.authenticate("unknown", lambda: FACTS) == Caller("from-the-service")
    assert len(service.asked) == 1


def test_no_verdict_is_remembered(service: FakeService, delegated: Callable[..., Authenticator]) -> None:
    authenticator = delegated()
    service.body = b'{"id": "tenant-a"}'
    assert authenticator.authenticate("token", lambda: FACTS) == Caller("tenant-a")
    service.status = 401
    with pytest.raises(NotAuthenticated):
        authenticator.authenticate("token", lambda: FACTS)
    service.status = 200
    assert authenticator.authenticate("token", lambda: FACTS) == Caller("tenant-a")
    assert len(service.asked) == 3
