"""What goes wrong with S3, at the wire: F-S1 to F-S9, and what must not be asked."""

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


def test_the_request_is_signed_and_names_the_key_and_nothing_else(s3: Wire, client: FlaskClient) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD))
    assert client.get("/recording/call").data == AUDIO
    (asked,) = s3.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/canary-bucket/call/audio.ogg", {})
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=canary-access/")
    assert "range" not in asked.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_missing_object_is_404(s3: Wire, client: FlaskClient, method: str) -> None:
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
def test_a_refusal_is_503_and_names_nothing(s3: Wire, client: FlaskClient, method: str, status: int, code: str) -> None:
    s3.script += [Reply(status)] * (method == "HEAD" and status == 404) + [refusal(status, code)]
    answer = client.open("/recording/call", method=method)
    assert answer.status_code == 503
    assert "canary" not in answer.text
    assert "127.0.0.1" not in answer.text
    if method == "GET":
        assert answer.json["code"] == "RECORDING_STORAGE_UNAVAILABLE"


def test_an_object_that_appears_between_two_questions_counts_as_missing(s3: Wire, client: FlaskClient) -> None:
    s3.script += [Reply(404), Reply(200, AUDIO, HEAD)]
    assert client.head("/recording/call").status_code == 404


def test_a_store_that_asks_to_slow_down_is_asked_again(s3: Wire, client: FlaskClient) -> None:
    s3.script += [refusal(503, "SlowDown"), Reply(200, AUDIO, HEAD)]
    assert client.get("/recording/call").data == AUDIO


def test_a_store_that_goes_on_asking_is_not_asked_for_ever(s3: Wire, client: FlaskClient) -> None:
    s3.script += [refusal(503, "SlowDown")] * 3
    assert client.get("/recording/call").status_code == 503
    assert len(s3.asked) == 3


@pytest.mark.parametrize("cut", [70_000, 100_000, len(AUDIO) - 1])
def test_a_store_that_breaks_off_is_never_a_clean_end(s3: Wire, client: FlaskClient, cut: int) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD, cut=cut))
    answer = client.get("/recording/call", buffered=False)
    assert answer.headers["Content-Length"] == str(len(AUDIO))
    with pytest.raises(Exception, match="the storage of recordings cannot be used right now"):
        answer.get_data()
    answer.close()


@pytest.mark.parametrize("cut", [0])
def test_a_store_that_breaks_off_before_anything_was_sent_is_503(s3: Wire, client: FlaskClient, cut: int) -> None:
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
        refusal(412, "PreconditionFailed"),
    ],
)
def test_other_content_than_described_is_503(s3: Wire, client: FlaskClient, reply: Reply) -> None:
    s3.script += [Reply(200, AUDIO, HEAD), reply]
    assert client.get("/recording/call", headers={"Range": "bytes=0-9"}).status_code == 503
    assert s3.asked[1].headers["if-match"] == '"e"'


def test_a_page_of_a_captive_portal_is_no_recording_and_no_list(s3: Wire, client: FlaskClient) -> None:
    page = Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"})
    s3.script += [page, page]
    assert client.get("/recording/call").status_code == 503
    assert client.get("/recording").status_code == 503


def test_a_store_that_is_down_is_503(make_client: MakeClient) -> None:
    with Wire() as gone:
        url = gone.url
    assert make_client(RECORDING_S3_ENDPOINT=url, **SETTINGS).get("/recording/call").status_code == 503


def test_a_store_whose_certificate_nobody_knows_is_503(make_client: MakeClient, tmp_path: Path) -> None:
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
def test_with_keys_and_an_endpoint_set_nobody_else_in_the_environment_is_asked(
    s3: Wire, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    with Wire() as other:
        for name in names:
            monkeypatch.setenv(name, other.url)
        s3.script.append(Reply(200, AUDIO, HEAD))
        client = make_client(RECORDING_S3_ENDPOINT=s3.url, **SETTINGS)
        assert client.get("/recording/call").status_code == 200
        assert other.asked == []


def test_without_keys_a_silent_metadata_service_does_not_hold_the_caller(
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
    assert (answer.status_code, s3.asked) == (503, [])


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
    assert all(each.headers["if-none-match"] == "*" for each in s3.asked)
    with pytest.raises(Exception, match="storage"):
        store.write("call/owner.json", b"{}", if_absent=True)


def test_a_caller_who_leaves_frees_the_connection_to_the_store(s3: Wire, client: FlaskClient) -> None:
    big = b"OggS" + bytes(30_000_000)
    s3.script.append(Reply(200, big, HEAD))
    answer = client.get("/recording/call", buffered=False)
    next(answer.iter_encoded())
    answer.close()
    assert s3.closed_early.wait(10)
