"""What the auth service receives, and what its responses mean; every row is an exchange on loopback."""

import gzip
import json
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sayna.auth import Authenticator, AuthRequest
from sayna.caller import Caller
from sayna.errors import AuthServiceFailed, NotAuthenticated
from tests.auth.conftest import FakeService

Make = Callable[..., Authenticator]
REQUEST = AuthRequest("POST", "/speak", {}, {"text": "Hello"})
CANARY = b"canary-of-the-service"


def test_service_receives_the_request_without_credentials(
    service: FakeService, make_authenticator: Make, service_key: ec.EllipticCurvePrivateKey
) -> None:
    hidden = [
        "Authorization",
        "Cookie",
        "HOST",
        "X-Real-IP",
        "X-Forwarded-For",
        "X-Sayna-Id",
        "PROXY-authorization",
        "X-API-Key",
        "XI-Api-Key",
    ]
    headers = dict.fromkeys(hidden, "canary") | {"User-Agent": "curl", "X-Key": "kept"}
    body = {"text": "Grüße", "nested": {"n": [1, None]}}
    query = "a=1&api_key=canary&a=%C3%A9+b&%61pi_key=canary&api_keys=2&b&&api%5Fkey"
    make_authenticator().authenticate("tökèn\udc80", lambda: AuthRequest("POST", "/speak", headers, body, query))
    (path, sent, _) = service.requests[0]
    claims = service.claims(service_key)
    assert (path, sent["content-type"]) == ("/verify", "application/jwt")
    assert claims["auth_data"] == {
        "token": "tökèn\udc80",
        "request_body": body,
        "request_headers": {"user-agent": "curl", "x-key": "kept"},
        "request_path": "/speak",
        "request_method": "POST",
        "request_query": "a=1&a=%C3%A9+b&api_keys=2&b&",
    }
    assert set(claims) == {"sub", "iat", "exp", "jti", "auth_data"}
    assert claims["sub"] == "sayna-auth"
    assert claims["exp"] == claims["iat"] + 300
    assert abs(claims["iat"] - time.time()) < 60


def test_request_without_a_body_has_an_empty_object_and_own_id(
    service: FakeService, make_authenticator: Make, service_key: ec.EllipticCurvePrivateKey
) -> None:
    authenticator = make_authenticator()
    ids = set()
    for _ in range(3):
        authenticator.authenticate("token", lambda: AuthRequest("GET", "/voices", {}))
        ids.add(service.claims(service_key)["jti"])
    assert len(ids) == 3
    assert service.claims(service_key)["auth_data"]["request_body"] == {}


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
def test_200_authenticates_the_tenant_in_its_body(
    body: bytes, tenant: str | None, service: FakeService, make_authenticator: Make
) -> None:
    service.body = body
    assert make_authenticator().authenticate("token", lambda: REQUEST) == Caller(tenant)


def test_cap_in_the_body_is_the_caller_s(service: FakeService, make_authenticator: Make) -> None:
    service.body = b'{"id": "a", "characters_per_month": 5}'
    caller = make_authenticator().authenticate("token", lambda: REQUEST)
    assert caller == Caller("a", characters_per_month=5)


LOOKALIKE_LETTERS = ["\u00c5", "A\u030a", "ten\u0430nt", "a\u200b"]
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
    *LOOKALIKE_LETTERS,
]
BAD_BODIES = [
    *(json.dumps({"id": bad, "note": CANARY.decode()}).encode() for bad in BAD_IDS),
    b'{"id": "a", "id": "b"}',
    b'{"id": "a", "more": {"x": 1, "x": 2}}',
    b'{"id": "a", "characters_per_month": "5"}',
    b'{"id": "a", "characters_per_month": -1}',
    b'{"id": "a"',
    b'{"n": ' + b"9" * 5000 + b"}",
    b'{"a":' * 10_000,
    b"\xff\xfe",
    b"x" * 65537,
    b'{"id": "a", "pad": "' + b"x" * 1_000_000 + b'"}',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_200_with_an_invalid_body_is_a_failure(body: bytes, service: FakeService, make_authenticator: Make) -> None:
    service.body = body
    assert_failed(make_authenticator())


@pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 304, 429, 500, 502, 503, 599])
def test_other_status_is_a_failure(status: int, service: FakeService, make_authenticator: Make) -> None:
    service.status = status
    service.body = b"" if status in (204, 304) else b'{"id": "a", "note": "' + CANARY + b'"}'
    assert_failed(make_authenticator())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int, service: FakeService, make_authenticator: Make) -> None:
    service.status = status
    service.headers = {"Location": f"http://127.0.0.1:{service.port}/elsewhere"}
    assert_failed(make_authenticator())
    assert [path for path, _, _ in service.requests] == ["/verify"]


def test_compressed_response_is_a_failure(service: FakeService, make_authenticator: Make) -> None:
    service.body = gzip.compress(b'{"id": "a"}' + b" " * 10_000_000)
    service.headers = {"Content-Encoding": "gzip"}
    assert_failed(make_authenticator())


def assert_failed(authenticator: Authenticator) -> None:
    with pytest.raises(AuthServiceFailed) as caught:
        authenticator.authenticate("token", lambda: REQUEST)
    assert (caught.value.status, caught.value.auth_code) == (502, "auth_service_error")
    assert CANARY.decode() not in caught.value.message


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 407, 410, 418, 499])
def test_4xx_rejects_the_token(status: int, service: FakeService, make_authenticator: Make) -> None:
    service.status, service.body = status, CANARY
    with pytest.raises(NotAuthenticated) as caught:
        make_authenticator().authenticate("token", lambda: REQUEST)
    assert (caught.value.status, caught.value.auth_code) == (401, "unauthorized")
    assert CANARY.decode() not in caught.value.message
