"""Recordings in S3 and Google Cloud Storage, which the shipped nginx fetches and sends by itself."""

import contextlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import start_gunicorn
from tests.e2e.servers import ONE, ROOT, Gunicorn, Nginx, answers, rendered, started
from tests.e2e.wire import Address, Answer
from tests.recordings.wire import RecordedRequest, Reply, Wire
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, Place, S3Place, s3_server
from tests.wire.certificates import Authority

pytestmark = pytest.mark.e2e

AUDIO = b"OggS" + bytes(range(256)) * 20_000
AUTH = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": '[{"id": "a", "secret": "secret-a"}, {"id": "b", "secret": "secret-b"}]',
    "RECORDING_ACCEL_PREFIX": "/_store",
}
MINE, THEIRS = {"Authorization": "Bearer secret-a"}, {"Authorization": "Bearer secret-b"}
INCLUDE = "# include /opt/sayna/current/deploy/nginx-recordings.conf;"
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Front:
    """nginx in front of Sayna, and Sayna itself."""

    nginx: Nginx
    sayna: Gunicorn

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Return what nginx answers."""
        return self.nginx.address.ask(method, path, body, **headers)

    def logs(self) -> str:
        """Return everything that both have written."""
        return self.sayna.log + self.nginx.access_log.read_text() + self.nginx.error_log.read_text()


@contextlib.contextmanager
def front(folder: Path, env: dict[str, str], authorities: str = CA_FILE) -> Iterator[Front]:
    """Start Sayna behind the shipped nginx.conf with nginx-recordings.conf in it."""

    def with_store(folder: Path, upstream: Path, port: int) -> Path:
        path = rendered(folder, upstream, port)
        text = path.read_text("utf-8")
        assert text.count(INCLUDE) == 1
        path.write_text(text.replace(INCLUDE, f"include {folder}/recordings.conf;"), "utf-8")
        shipped = (ROOT / "deploy" / "nginx-recordings.conf").read_text("utf-8")
        assert CA_FILE in shipped
        (folder / "recordings.conf").write_text(shipped.replace(CA_FILE, authorities), "utf-8")
        return path

    sock = folder / "sayna.sock"
    (folder / "nginx").mkdir()
    with start_gunicorn(folder / "server", at=Address(path=sock), **(AUTH | ONE | env)) as sayna:
        nginx = Nginx(folder / "nginx", sock, with_store)
        with started(nginx, lambda: answers(nginx.address)):
            yield Front(nginx, sayna)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Place]:
    """A bucket of a real S3 server."""
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as port:
        yield S3Place(port, "canary-bucket")


@pytest.fixture
def gcs() -> Iterator[GCS]:
    """A Google Cloud Storage that checks the signature of each link."""
    gcs = GCS()
    with gcs.wire:
        yield gcs
    assert not gcs.wire.complaints


@pytest.fixture(params=["s3", "gcs"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the stores on the network."""
    return GCSPlace(request.getfixturevalue("gcs")) if request.param == "gcs" else request.getfixturevalue("s3")


def test_nginx_fetches_from_the_store_what_sayna_allows(place: Place, tmp_path: Path) -> None:
    place.record("call", AUDIO, auth_id="a")
    with front(tmp_path, place.settings) as site:
        whole = site.ask("GET", "/recording/call", **MINE)
        assert (whole.status, whole.body) == (200, AUDIO)
        etag = whole.headers["etag"]
        assert {name: value for name, value in whole.headers.items() if name not in ("date", "last-modified")} == {
            "server": "nginx",
            "connection": "keep-alive",
            "content-type": "audio/ogg",
            "content-length": str(len(AUDIO)),
            "content-disposition": 'attachment; filename="call.ogg"',
            "cache-control": "private, no-cache",
            "accept-ranges": "bytes",
            "etag": etag,
            "x-request-id": whole.headers["x-request-id"],
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; sandbox",
        }
        straight = site.sayna.address.ask("HEAD", "/recording/call", **MINE)
        assert [straight.headers[name] for name in ("etag", "last-modified")] == [etag, whole.headers["last-modified"]]
        part = site.ask("GET", "/recording/call", Range="bytes=4-7", If_Range=etag, **MINE)
        assert (part.status, part.body) == (206, AUDIO[4:8])
        assert part.headers["content-range"] == f"bytes 4-7/{len(AUDIO)}"
        assert site.ask("GET", "/recording/call", Range="bytes=0-1,4-5", **MINE).body == AUDIO
        assert site.ask("GET", "/recording/call", Range="bytes=4-7", If_Range='"old"', **MINE).body == AUDIO
        assert site.ask("GET", "/recording/call", If_None_Match=etag, **MINE).status == 304
        assert site.ask("GET", "/recording/call", If_Match='"old"', **MINE).json()["code"] == "PRECONDITION_FAILED"
        beyond = site.ask("GET", "/recording/call", Range=f"bytes={len(AUDIO)}-", **MINE)
        assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(AUDIO)}")
        told = site.ask("HEAD", "/recording/call", **MINE)
        assert (told.status, told.headers["content-length"], told.body) == (200, str(len(AUDIO)), b"")
        for headers in (THEIRS, {"X-Store-URL": "http://127.0.0.1:1/", **THEIRS}):
            assert site.ask("GET", "/recording/call", **headers).json()["code"] == "RECORDING_NOT_FOUND"
        hidden = site.ask("GET", "/_store/calls/call/audio.ogg", X_Store_URL="http://127.0.0.1:1/", **MINE)
        assert (hidden.status, hidden.json()["code"]) == (404, "RECORDING_NOT_FOUND")
        assert not [word for word in ("Signature", "Credential", "X-Store") if word in site.logs()]


S3 = {
    "RECORDING_S3_BUCKET": "canary-bucket",
    "RECORDING_S3_ACCESS_KEY": "key",
    "RECORDING_S3_SECRET_KEY": "secret",
    "RECORDING_S3_FORCE_PATH_STYLE": "true",
}
HEAD = {"ETag": '"e"', "Last-Modified": "Sun, 22 Nov 2026 14:00:00 GMT", "Content-Length": "8"}
FORGED = {
    **HEAD,
    "X-Accel-Redirect": "/recording/other",
    "Set-Cookie": "canary=1",
    "x-amz-request-id": "canary",
    "x-amz-server-side-encryption-aws-kms-key-id": "canary",
    "Content-Type": "text/html",
    "Content-Encoding": "gzip",
    "Cache-Control": "public",
}
XML = b"<Error><Code>Canary</Code><Resource>/canary-bucket/call</Resource></Error>"


class Store:
    """An S3 server that describes every object as 8 bytes, knows no owner, and answers a link by `linked`."""

    def __init__(self) -> None:
        self.linked: list[Reply] = []
        self.described = HEAD
        self.links: list[RecordedRequest] = []

    def answer(self, request: RecordedRequest) -> Reply:
        """Return what S3 would."""
        if request.path.endswith("owner.json"):
            return Reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if request.method == "HEAD":
            return Reply(200, b"", self.described)
        if "X-Amz-Signature" not in request.query:
            return Reply(200, b"OggSOggS", self.described)
        self.links.append(request)
        return self.linked.pop(0)


@dataclass(frozen=True, slots=True)
class Wired:
    """A site whose store is scripted."""

    store: Store
    url: str
    site: Front


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """One site for all tests that leave it as it was."""
    store = Store()
    with Wire(store.answer) as wire:
        settings = {**S3, "RECORDING_S3_ENDPOINT": wire.url}
        with front(tmp_path_factory.mktemp("wired"), settings) as site:
            yield Wired(store, wire.url, site)
        assert not wire.complaints


@pytest.fixture
def wired(shared: Wired) -> Wired:
    """The site, with a store of which nothing is known yet."""
    shared.store.described = HEAD
    shared.store.linked.clear()
    shared.store.links.clear()
    return shared


def test_only_the_link_reaches_the_store_and_only_audio_the_client(wired: Wired) -> None:
    wired.store.linked = [Reply(200, b"OggSOggS", FORGED)]
    answer = wired.site.ask("GET", "/recording/call?x=1", {}, Cookie="canary", X_Request_ID="me", **MINE)
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b"OggSOggS", "me")
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "canary" not in str(answer.headers)
    assert "content-encoding" not in answer.headers
    [link] = wired.store.links
    assert (link.body, link.query["X-Amz-Expires"]) == (b"", "60")
    assert link.headers == {"host": wired.url.removeprefix("http://"), "connection": "close", "if-match": '"e"'}


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 409, 412, 416, 429, 500, 503, 520])
def test_a_refusal_of_the_store_is_saynas_own_error(wired: Wired, status: int) -> None:
    wired.store.linked = [Reply(status, XML, {"Content-Type": "application/xml", "Location": "http://127.0.0.1:1/"})]
    answer = wired.site.ask("GET", "/recording/call", **MINE)
    assert (answer.status, answer.json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/json", "5")
    assert not {"location", "content-disposition"} & set(answer.headers)
    assert "Canary" not in wired.site.logs()


def test_a_recording_that_was_just_removed_is_not_found(wired: Wired) -> None:
    wired.store.linked = [Reply(404, XML, {"Content-Type": "application/xml"})]
    answer = wired.site.ask("GET", "/recording/call", **MINE)
    assert (answer.status, answer.json()["code"]) == (404, "RECORDING_NOT_FOUND")


def test_a_store_that_breaks_off_aborts_the_answer_of_nginx(wired: Wired) -> None:
    wired.store.described = HEAD | {"Content-Length": "5000000"}
    wired.store.linked = [Reply(200, bytes(5_000_000), wired.store.described, cut=3_000_000)]
    with wired.site.nginx.address.client() as client:
        response = client.begin("GET", "/recording/call", **MINE)
        assert (response.status, response.headers["Content-Length"]) == (200, "5000000")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()


@pytest.mark.parametrize("described", [{"ETag": 'W/"e"'}, {"ETag": "e"}, {"x-amz-meta-secret": "canary"}])
def test_sayna_itself_sends_what_nginx_cannot_check(wired: Wired, described: dict[str, str]) -> None:
    wired.store.described = HEAD | described
    answer = wired.site.ask("GET", "/recording/call", **MINE)
    assert (answer.status, answer.body, wired.store.links) == (200, b"OggSOggS", [])
    assert "canary" not in str(answer.headers)


def test_nginx_checks_the_certificate_of_the_store(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    store = Store()
    for name, trusted in (("localhost", str(authority.pem)), ("localhost", CA_FILE)):
        folder = tmp_path / Path(trusted).stem
        folder.mkdir()
        with Wire(store.answer, tls=authority.server(name)) as wire:
            url = wire.url.replace("127.0.0.1", "localhost")
            settings = {**S3, "RECORDING_S3_ENDPOINT": url, "TLS_CA_FILE": str(authority.pem)}
            with front(folder, settings, trusted) as site:
                store.linked = [Reply(200, b"OggSOggS", HEAD)]
                answer = site.ask("GET", "/recording/call", **MINE)
                assert (answer.status, bool(store.linked)) == ((503, True) if trusted == CA_FILE else (200, False))
