"""An address that sends too many wrong tokens is refused; other addresses are not."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, TENANTS
from tests.wire import FaultServer, answers

GUESSER = "198.51.100.1"
Ask = Callable[..., TestResponse]


def ask(client: FlaskClient, token: str | None, *, peer: str = GUESSER, forwarded: str = "") -> TestResponse:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    if token is not None:
        headers["Authorization"] = token if " " in token else f"Bearer {token}"
    return client.get("/sip/hooks", headers=headers, environ_overrides={"REMOTE_ADDR": peer})


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(**AUTH)


def test_address_is_refused_after_twenty_wrong_tokens(client: FlaskClient) -> None:
    for number in range(20):
        assert ask(client, f"guess-{number}").status_code == 401
    refused = ask(client, "guess-20")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "TOO_MANY_AUTH_FAILURES")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.get_json().keys() == {"error", "code", "request_id"}
    assert GUESSER not in refused.text
    assert ask(client, TENANTS["a"], peer="198.51.100.2").status_code == 200
    assert ask(client, "guess", peer="198.51.100.2").status_code == 401
    assert client.get("/", environ_overrides={"REMOTE_ADDR": GUESSER}).status_code == 200


def test_valid_token_is_refused_like_a_wrong_one_then(client: FlaskClient) -> None:
    for number in range(20):
        ask(client, f"guess-{number}")
    wrong, right = ask(client, "guess"), ask(client, TENANTS["a"])
    assert wrong.status_code == right.status_code == 429
    assert wrong.get_json()["error"] == right.get_json()["error"]


def test_valid_tokens_do_not_count(client: FlaskClient) -> None:
    for _ in range(100):
        assert ask(client, TENANTS["a"]).status_code == 200
    for number in range(19):
        ask(client, f"guess-{number}")
    assert ask(client, TENANTS["a"]).status_code == 200


@pytest.mark.parametrize("token", [None, "Basic abc", "Bearer  ", "Bearer a b"])
def test_request_without_a_token_does_not_count(client: FlaskClient, token: str | None) -> None:
    for _ in range(30):
        assert ask(client, token).status_code == 401
    assert ask(client, "guess").status_code == 401


def test_forwarding_headers_of_a_client_are_ignored(client: FlaskClient) -> None:
    for number in range(20):
        assert ask(client, "guess", forwarded=f"203.0.113.{number}").status_code == 401
    assert ask(client, "guess", forwarded="203.0.113.99").status_code == 429
    for name in ("X-Real-IP", "Forwarded", "X-Client-IP"):
        answer = client.get(
            "/sip/hooks",
            headers={name: "for=203.0.113.99", "Authorization": "Bearer guess"},
            environ_overrides={"REMOTE_ADDR": GUESSER},
        )
        assert answer.status_code == 429
    assert ask(client, "guess", peer="127.0.0.1", forwarded="203.0.113.1").status_code == 401


@pytest.mark.parametrize("peer", ["127.0.0.1", ""])
def test_address_that_the_proxy_sends_is_limited(client: FlaskClient, peer: str) -> None:
    for number in range(20):
        assert ask(client, "guess", peer=peer, forwarded=f"6.6.6.{number}, {GUESSER}").status_code == 401
    assert ask(client, "guess", peer=peer, forwarded=GUESSER).status_code == 429
    assert ask(client, TENANTS["a"], peer=peer, forwarded="203.0.113.1").status_code == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", ""])
def test_loopback_and_proxies_are_not_limited(client: FlaskClient, peer: str) -> None:
    for _ in range(50):
        assert ask(client, "guess", peer=peer).status_code == 401
    assert ask(client, TENANTS["a"], peer=peer).status_code == 200


def test_limit_is_a_setting_and_zero_disables_it(make_client: MakeClient) -> None:
    few, any_number = (make_client(**AUTH, AUTH_FAILURES_PER_MINUTE=text) for text in ("2", "0"))
    assert [ask(few, "guess").status_code for _ in range(3)] == [401, 401, 429]
    assert {ask(any_number, "guess").status_code for _ in range(50)} == {401}


def test_log_names_the_address_once_and_no_token(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for number in range(30):
            ask(client, f"canary-{number}")
    lines = [record for record in caplog.records if record.getMessage() == "auth_failures"]
    assert [line.fields["client"] for line in lines] == [GUESSER]  # type: ignore[attr-defined]
    assert "canary" not in str([getattr(record, "fields", "") for record in caplog.records])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[FaultServer, dict[str, str]]]:
    """An auth service and the settings that name it."""
    key = tmp_path / "key.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    with FaultServer() as server:
        yield server, {"AUTH_SERVICE_URL": server.url, "AUTH_SIGNING_KEY_PATH": str(key)}


def test_failures_of_the_auth_service_do_not_count(
    make_client: MakeClient, service: tuple[FaultServer, dict[str, str]]
) -> None:
    server, settings = service
    client = make_client(AUTH_REQUIRED="true", **settings)
    server.always(answers.status(500, b""))
    assert {ask(client, "guess").status_code for _ in range(30)} == {502}
    server.always(answers.status(401, b""))
    assert {ask(client, "guess").status_code for _ in range(20)} == {401}
    assert ask(client, "guess").status_code == 429
    assert len(server.hits) == 50


@pytest.mark.parametrize(("shared_secrets", "at_last"), [(AUTH, 429), ({"AUTH_REQUIRED": "true"}, 415)])
def test_wrong_token_counts_when_the_body_is_invalid_too(
    make_client: MakeClient,
    service: tuple[FaultServer, dict[str, str]],
    shared_secrets: dict[str, str],
    at_last: int,
) -> None:
    client = make_client(**shared_secrets, **service[1])

    def guess() -> int:
        return client.get(
            "/sip/hooks",
            headers={"Authorization": "Bearer guess"},
            data=b"x",
            content_type="text/plain",
            environ_overrides={"REMOTE_ADDR": GUESSER},
        ).status_code

    assert {guess() for _ in range(20)} == {415}
    assert guess() == at_last
    assert service[0].hits == []
