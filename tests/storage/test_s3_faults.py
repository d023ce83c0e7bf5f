"""Faults of S3 at the wire, and servers that Sayna must not call."""

import ssl
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sayna.config import load_config
from sayna.storage import open_store
from tests.blueprints.conftest import MakeClient
from tests.recordings.wire import Reply, Wire
from tests.storage.certificate import self_signed

SETTINGS = {
    "RECORDING_S3_BUCKET": "canary-bucket",
    "RECORDING_S3_REGION": "us-east-1",
    "RECORDING_S3_ACCESS_KEY": "canary-access",
    "RECORDING_S3_SECRET_KEY": "canary-secret",
    "RECORDING_S3_FORCE_PATH_STYLE": "true",
}
AUDIO = b"OggS" + bytes(200_000)
HEAD = {"ETag": '"e"', "Last-Modified": "Sun, 22 Nov 2026 14:00:00 GMT", "Content-Type": "audio/ogg"}
NO_KEYS = ("RECORDING_S3_ACCESS_KEY", "RECORDING_S3_SECRET_KEY")


def refusal(status: int, code: str) -> Reply:
    """Return an error as S3 writes it, with all the names it likes to give."""
    text = f"<Error><Code>{code}</Code><Message>canary</Message><BucketName>canary-bucket</BucketName></Error>"
    return Reply(status, text.encode(), {"Content-Type": "application/xml"})


@pytest.fixture
def s3() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire
    assert not wire.complaints


@pytest.fixture
def client(s3: Wire, make_client: MakeClient) -> FlaskClient:
    return make_client(RECORDING_S3_ENDPOINT=s3.url, **SETTINGS)


def test_request_is_signed_and_names_only_the_key(s3: Wire, client: FlaskClient) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD))
    assert client.get("/recording/call").data == AUDIO
    (request,) = s3.requests
    assert (request.method, request.path, request.query) == ("GET", "/canary-bucket/call/audio.ogg", {})
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=canary-access/")
    assert "range" not in request.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_missing_object_returns_404(s3: Wire, client: FlaskClient, method: str) -> None:
    s3.script += [Reply(404)] * (method == "HEAD") + [refusal(404, "NoSuchKey")]
    assert client.open("/recording/call", method=method).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
        (403, "SignatureDoesNotMatch"),
        (403, "RequestTimeTooSkewed"),
    ],
)
def test_refusal_returns_503_without_names(s3: Wire, client: FlaskClient, method: str, status: int, code: str) -> None:
    s3.script += [Reply(status)] * (method == "HEAD" and status == 404) + [refusal(status, code)]
    answer = client.open("/recording/call", method=method)
    assert answer.status_code == 503
    assert "canary" not in answer.text
    assert "127.0.0.1" not in answer.text
    if method == "GET":
        assert answer.get_json()["code"] == "RECORDING_STORAGE_UNAVAILABLE"


def test_object_that_appears_after_head_counts_as_missing(s3: Wire, client: FlaskClient) -> None:
    s3.script += [Reply(404), Reply(200, AUDIO, HEAD)]
    assert client.head("/recording/call").status_code == 404


def test_slow_down_is_retried(s3: Wire, client: FlaskClient) -> None:
    s3.script += [refusal(503, "SlowDown"), Reply(200, AUDIO, HEAD)]
    assert client.get("/recording/call").data == AUDIO


def test_slow_down_is_retried_at_most_three_times(s3: Wire, client: FlaskClient) -> None:
    s3.script += [refusal(503, "SlowDown")] * 3
    assert client.get("/recording/call").status_code == 503
    assert len(s3.requests) == 3


@pytest.mark.parametrize("cut", [70_000, 100_000, len(AUDIO) - 1])
def test_truncated_body_aborts_the_response(s3: Wire, client: FlaskClient, cut: int) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD, cut=cut))
    answer = client.get("/recording/call", buffered=False)
    assert answer.headers["Content-Length"] == str(len(AUDIO))
    with pytest.raises(Exception, match="the storage of recordings cannot be used right now"):
        answer.get_data()
    answer.close()


@pytest.mark.parametrize("cut", [0])
def test_body_without_a_first_byte_returns_503(s3: Wire, client: FlaskClient, cut: int) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD, cut=cut))
    assert client.get("/recording/call").status_code == 503


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
        Reply(200, AUDIO, {**HEAD, "ETag": ""}),
        Reply(206, AUDIO[:9], HEAD),
        Reply(206, AUDIO[:10], {**HEAD, "ETag": '"other"'}),
        Reply(200, AUDIO, HEAD),
    ],
)
def test_content_that_differs_from_head_returns_503(s3: Wire, client: FlaskClient, reply: Reply) -> None:
    s3.script += [Reply(200, AUDIO, HEAD), reply]
    assert client.get("/recording/call", headers={"Range": "bytes=0-9"}).status_code == 503
    assert s3.requests[1].headers["range"] == "bytes=0-9"


def test_captive_portal_page_returns_503(s3: Wire, client: FlaskClient) -> None:
    page = Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"})
    s3.script += [page, page]
    assert client.get("/recording/call").status_code == 503
    assert client.get("/recording").status_code == 503


def test_unreachable_store_returns_503(make_client: MakeClient) -> None:
    with Wire() as gone:
        url = gone.url
    assert make_client(RECORDING_S3_ENDPOINT=url, **SETTINGS).get("/recording/call").status_code == 503


def test_unknown_certificate_returns_503(make_client: MakeClient, tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), None)  # type: ignore[arg-type]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        endpoint = f"https://127.0.0.1:{server.server_port}"
        assert make_client(RECORDING_S3_ENDPOINT=endpoint, **SETTINGS).get("/recording/call").status_code == 503
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI"), id="for credentials"),
        pytest.param(("HTTP_PROXY", "AWS_ENDPOINT_URL_S3"), id="as a proxy or another endpoint"),
    ],
)
def test_configured_store_ignores_the_environment(
    s3: Wire, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    with Wire() as other:
        for name in names:
            monkeypatch.setenv(name, other.url)
        s3.script.append(Reply(200, AUDIO, HEAD))
        client = make_client(RECORDING_S3_ENDPOINT=s3.url, **SETTINGS)
        assert client.get("/recording/call").status_code == 200
        assert other.requests == []


def test_silent_metadata_service_returns_503(
    s3: Wire, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release = threading.Event()
    with Wire() as metadata_service:
        metadata_service.script += [Reply(200, b"", until=release)] * 4
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata_service.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        settings = {name: value for name, value in SETTINGS.items() if name not in NO_KEYS}
        answer = make_client(RECORDING_S3_ENDPOINT=s3.url, **settings).get("/recording/call")
        release.set()
    assert (answer.status_code, s3.requests) == (503, [])


def test_a_conditional_write_returns_false_when_refused(s3: Wire) -> None:
    store = open_store(load_config({**SETTINGS, "RECORDING_S3_ENDPOINT": s3.url}).recording)
    assert store
    s3.script += [
        Reply(200, b"", {"ETag": '"e"'}),
        refusal(412, "PreconditionFailed"),
        refusal(403, "AccessDenied"),
    ]
    assert store.write("call/owner.json", b"{}", if_absent=True)
    assert not store.write("call/owner.json", b"{}", if_absent=True)
    assert all(each.headers["if-none-match"] == "*" for each in s3.requests)
    with pytest.raises(Exception, match="storage"):
        store.write("call/owner.json", b"{}", if_absent=True)


def test_disconnected_client_frees_the_store_connection(s3: Wire, client: FlaskClient) -> None:
    big = b"OggS" + bytes(30_000_000)
    s3.script.append(Reply(200, big, HEAD))
    answer = client.get("/recording/call", buffered=False)
    next(answer.iter_encoded())
    answer.close()
    assert s3.closed_early.wait(10)
