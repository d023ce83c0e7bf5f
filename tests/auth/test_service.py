"""What the auth service is told, and what its answers mean; every row is a real exchange on loopback."""

import gzip
import json
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sayna.auth import Authenticator, AuthRequest
from sayna.caller import Caller
from sayna.errors import AuthServiceFailed, NotAuthenticated
from tests.auth.conftest import FakeService

Make = Callable[..., Authenticator]
FACTS = AuthRequest("POST", "/speak", {}, {"text": "Hello"})
CANARY = b"canary-of-the-service"


def test_the_service_is_told_what_will_be_handled(
    service: FakeService, delegated: Make, rsa_key: rsa.RSAPrivateKey
) -> None:
    hidden = [
        "Authorization",
        "Cookie",
        "HOST",
        "X-Real-IP",
        "X-Forwarded-For",
        "X-Sayna-Id",
        "PROXY-authorization",
    ]
    headers = dict.fromkeys(hidden, "canary") | {"User-Agent": "curl", "X-API-Key": "kept"}
    body = {"text": "Grüße", "nested": {"n": [1, None]}}
    delegated().authenticate("tökèn\udc80", lambda: AuthRequest("POST", "/speak", headers, body))
    (path, sent, _) = service.asked[0]
    claims = service.claims(rsa_key)
    assert (path, sent["content-type"]) == ("/verify", "application/jwt")
    assert claims["auth_data"] == {
        "token": "tökèn\udc80",
        "request_body": body,
        "request_headers": {"user-agent": "curl", "x-api-key": "kept"},
        "request_path": "/speak",
        "request_method": "POST",
    }
    assert set(claims) == {"sub", "iat", "exp", "jti", "auth_data"}
    assert claims["sub"] == "sayna-auth"
    assert claims["exp"] == claims["iat"] + 300
    assert abs(claims["iat"] - time.time()) < 60


def test_a_request_without_a_body_shows_an_empty_object_and_an_id_of_its_own(
    service: FakeService, delegated: Make, rsa_key: rsa.RSAPrivateKey
) -> None:
    authenticator = delegated()
    ids = set()
    for _ in range(3):
        authenticator.authenticate("token", lambda: AuthRequest("GET", "/voices", {}))
        ids.add(service.claims(rsa_key)["jti"])
    assert len(ids) == 3
    assert service.claims(rsa_key)["auth_data"]["request_body"] == {}


@pytest.mark.parametrize(
    ("body", "tenant"),
    [
        (b'{"id": "tenant-a"}', "tenant-a"),
        (b' {"id": "a.b_c:d@e-f", "name": "more"}\n', "a.b_c:d@e-f"),
        (b'\xef\xbb\xbf{"id": "tenant-a"}', "tenant-a"),
        (json.dumps({"id": "a" * 128}).encode(), "a" * 128),
        (b'{"id": "a", "pad": "' + b"x" * (65536 - 22) + b'"}', "a"),
        (b"", None),
        (b"OK", None),
        (b"{}", None),
        (b'{"user": "x"}', None),
        (b"[]", None),
        (b"null", None),
        (b'"x"', None),
        (b"<html>hello</html>", None),
    ],
)
def test_200_lets_in_with_the_tenant_that_is_named(
    body: bytes, tenant: str | None, service: FakeService, delegated: Make
) -> None:
    service.body = body
    assert delegated().authenticate("token", lambda: FACTS) == Caller(tenant)


STRANGE_LETTERS = ["\u00c5", "A\u030a", "ten\u0430nt", "a\u200b"]
BAD_IDS = [
    1,
    None,
    True,
    ["a"],
    "",
    " ",
    " A",
    "A ",
    "\x00a",
    "a\n",
    "a" * 129,
    "-a",
    "../a",
    *STRANGE_LETTERS,
]
BAD_BODIES = [
    *(json.dumps({"id": bad, "note": CANARY.decode()}).encode() for bad in BAD_IDS),
    b'{"id": "a", "id": "b"}',
    b'{"id": "a", "more": {"x": 1, "x": 2}}',
    b'{"id": "a"',
    b'{"n": ' + b"9" * 5000 + b"}",
    b'{"a":' * 10_000,
    b"\xff\xfe",
    b"x" * 65537,
    b'{"id": "a", "pad": "' + b"x" * 1_000_000 + b'"}',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_garbled_yes_is_no_yes(body: bytes, service: FakeService, delegated: Make) -> None:
    service.body = body
    assert_failed(delegated())


@pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 304, 429, 500, 502, 503, 599])
def test_what_is_neither_yes_nor_no_is_a_failure(status: int, service: FakeService, delegated: Make) -> None:
    service.status = status
    service.body = b"" if status in (204, 304) else b'{"id": "a", "note": "' + CANARY + b'"}'
    assert_failed(delegated())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int, service: FakeService, delegated: Make) -> None:
    service.status = status
    service.headers = {"Location": f"http://127.0.0.1:{service.port}/elsewhere"}
    assert_failed(delegated())
    assert [path for path, _, _ in service.asked] == ["/verify"]


def test_a_compressed_answer_is_not_unpacked(service: FakeService, delegated: Make) -> None:
    service.body = gzip.compress(b'{"id": "a"}' + b" " * 10_000_000)
    service.headers = {"Content-Encoding": "gzip"}
    assert_failed(delegated())


def assert_failed(authenticator: Authenticator) -> None:
    with pytest.raises(AuthServiceFailed) as caught:
        authenticator.authenticate("token", lambda: FACTS)
    assert (caught.value.status, caught.value.auth_code) == (502, "auth_service_error")
    assert CANARY.decode() not in caught.value.message


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 407, 410, 418, 499])
def test_4xx_is_a_no(status: int, service: FakeService, delegated: Make) -> None:
    service.status, service.body = status, CANARY
    with pytest.raises(NotAuthenticated) as caught:
        delegated().authenticate("token", lambda: FACTS)
    assert (caught.value.status, caught.value.auth_code) == (401, "unauthorized")
    assert CANARY.decode() not in caught.value.message
