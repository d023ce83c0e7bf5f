"""Shared secrets, and their order before the auth service."""

import hmac
import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from sayna import http
from sayna.auth import Authenticator, AuthRequest
from sayna.caller import Caller
from sayna.config import load_config
from sayna.errors import NotAuthenticated
from tests.auth.conftest import FakeService

REQUEST = AuthRequest("POST", "/speak", {}, {"text": "Hello"})


def with_secrets(secrets: dict[str, str]) -> Authenticator:
    entries = json.dumps([{"id": tenant, "secret": secret} for tenant, secret in secrets.items()])
    environ = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": entries}
    return Authenticator(load_config(environ).auth, http.post)


def test_secret_authenticates_its_tenant() -> None:
    authenticator = with_secrets({"tenant-a": "secret-a", "tenant-b": "secret-b"})
    assert authenticator.authenticate("secret-a", lambda: REQUEST) == Caller("tenant-a")
    assert authenticator.authenticate("secret-b", lambda: REQUEST) == Caller("tenant-b")


@pytest.mark.parametrize(
    "token",
    ["", "secret", "secret-a ", "Secret-a", "secret-a\x00", "é", "€", "\udc80", "x" * 10_000, "tenant-a"],
)
def test_other_token_is_unauthorized(token: str) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        with_secrets({"tenant-a": "secret-a"}).authenticate(token, lambda: REQUEST)
    assert (caught.value.status, caught.value.auth_code) == (401, "unauthorized")


@pytest.mark.parametrize("token", ["secret-0", "secret-99", "none of them"])
def test_token_is_compared_with_every_secret(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = with_secrets({f"tenant-{place}": f"secret-{place}" for place in range(100)})
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def count(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return compare(known, given)

    monkeypatch.setattr(hmac, "compare_digest", count)
    with suppress(NotAuthenticated):
        authenticator.authenticate(token, lambda: REQUEST)
    assert len(set(compared)) == 100


def test_known_secret_is_not_sent_to_the_service(
    service: FakeService, make_authenticator: Callable[..., Authenticator]
) -> None:
    service.body = b'{"id": "from-the-service"}'
    authenticator = make_authenticator(AUTH_API_SECRET="known", AUTH_API_SECRET_ID="from-the-secret")
    assert authenticator.authenticate("known", lambda: REQUEST) == Caller("from-the-secret")
    assert service.requests == []
    assert authenticator.authenticate("unknown", lambda: REQUEST) == Caller("from-the-service")
    assert len(service.requests) == 1


def test_result_of_the_service_is_not_cached(
    service: FakeService, make_authenticator: Callable[..., Authenticator]
) -> None:
    authenticator = make_authenticator()
    service.body = b'{"id": "tenant-a"}'
    assert authenticator.authenticate("token", lambda: REQUEST) == Caller("tenant-a")
    service.status = 401
    with pytest.raises(NotAuthenticated):
        authenticator.authenticate("token", lambda: REQUEST)
    service.status = 200
    assert authenticator.authenticate("token", lambda: REQUEST) == Caller("tenant-a")
    assert len(service.requests) == 3
