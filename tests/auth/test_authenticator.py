"""Shared secrets, and their order before the auth service."""

import datetime
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress

import pytest

from sayna.auth import Authenticator, AuthRequest
from sayna.caller import Caller
from sayna.config import load_config
from sayna.errors import NotAuthenticated
from tests.auth.conftest import FakeService

REQUEST = AuthRequest("POST", "/speak", {}, {"text": "Hello"})


def with_secrets(secrets: dict[str, str]) -> Authenticator:
    entries = json.dumps([{"id": tenant, "secret": secret} for tenant, secret in secrets.items()])
    environ = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": entries}
    return Authenticator(load_config(environ).auth)


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


def entries(*listed: dict[str, object], today: str = "2026-06-01") -> Authenticator:
    environ = {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": json.dumps(listed)}
    day = datetime.date.fromisoformat(today)
    return Authenticator(load_config(environ).auth, today=lambda: day)


def test_tenant_has_two_secrets_while_one_is_rotated() -> None:
    authenticator = entries({"id": "a", "secret": "old", "note": "until June"}, {"id": "a", "secret": "new"})
    for token in ("old", "new"):
        assert authenticator.authenticate(token, lambda: REQUEST) == Caller("a")


def test_rotation_of_a_single_tenant_leaves_its_hook_secrets_alone() -> None:
    both = json.dumps([{"id": "a", "secret": "old"}, {"id": "a", "secret": "new"}])
    assert not load_config({"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": both}).own_hook_secrets


@pytest.mark.parametrize(("today", "is_valid"), [("2026-05-31", True), ("2026-06-01", True), ("2026-06-02", False)])
def test_secret_is_valid_until_the_end_of_its_last_day(today: str, is_valid: bool) -> None:
    authenticator = entries({"id": "a", "secret": "s", "expires": "2026-06-01"}, today=today)
    if is_valid:
        assert authenticator.authenticate("s", lambda: REQUEST) == Caller("a")
    else:
        with pytest.raises(NotAuthenticated, match="not valid"):
            authenticator.authenticate("s", lambda: REQUEST)


def test_expired_secret_is_not_sent_to_the_service(
    service: FakeService, make_authenticator: Callable[..., Authenticator]
) -> None:
    expired = json.dumps([{"id": "a", "secret": "s", "expires": "2020-01-01"}])
    with pytest.raises(NotAuthenticated):
        make_authenticator(AUTH_API_SECRETS_JSON=expired).authenticate("s", lambda: REQUEST)
    assert service.requests == []


def test_start_warns_of_short_and_of_expired_secrets(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sayna.auth"):
        entries(
            {"id": "short", "secret": "x" * 15},
            {"id": "good", "secret": "y" * 16},
            {"id": "over", "secret": "z" * 16, "expires": "2026-05-31"},
        )
    told = [record.getMessage() for record in caplog.records if record.name == "sayna.auth"]
    assert [line.split(" has ")[0].split(" expired")[0] for line in told] == [
        "A secret of the tenant short",
        "A secret of the tenant over",
    ]
    assert "xxx" not in caplog.text


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
