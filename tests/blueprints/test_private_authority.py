"""A company's own certificate authority, TLS_CA_FILE, counts for everything that goes out."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask.testing import FlaskClient

from sayna import http
from sayna.config import OutboundConfig
from sayna.http.connection_pool import pool
from tests.blueprints.conftest import MakeClient
from tests.blueprints.telephones import save
from tests.e2e.program import until
from tests.recordings.wire import Reply, Wire
from tests.sip import inbound
from tests.storage.test_s3_faults import HEAD, SETTINGS
from tests.wire import FaultServer, answers
from tests.wire.certificates import Authority
from tests.wire.deepgram import DeepgramFake
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import FakeLiveKit

Make = Callable[..., FlaskClient]


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """Return an authority that nobody knows; what this process came to believe is forgotten afterwards."""
    pool.cache_clear()
    yield Authority.create(tmp_path)
    http.set_way_out(OutboundConfig())
    pool.cache_clear()


@pytest.fixture
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


@pytest.fixture(params=["TLS_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", ""])
def variable(request: pytest.FixtureRequest) -> str:
    """Return the variable that names the authority, empty for none."""
    return str(request.param)


@pytest.fixture
def known(variable: str) -> bool:
    return bool(variable)


@pytest.fixture
def make(make_client: MakeClient, authority: Authority, variable: str) -> Make:
    """Return a maker of clients of an application that knows the authority, or does not."""
    trusted = {variable: str(authority.pem)} if variable else {}
    return lambda **settings: make_client(**trusted, **settings)


def test_provider_is_reached_when_its_authority_is_trusted(make: Make, tls: ssl.SSLContext, known: bool) -> None:
    with DeepgramFake(tls=tls) as deepgram:
        client = make(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
        answer = client.post("/speak", json={"text": "Hello", "provider": "deepgram"})
    assert (answer.status_code, len(deepgram.texts)) == ((200, 1) if known else (500, 0))


def test_livekit_is_reached_when_its_authority_is_trusted(make: Make, tls: ssl.SSLContext, known: bool) -> None:
    with FakeLiveKit(tls=tls) as livekit:
        livekit.open("lobby")
        client = make(**livekit.settings)
        answer = client.get("/livekit/rooms")
        client.application.extensions["sayna"].close()
    assert answer.status_code == (200 if known else 500)
    assert livekit.calls == (["ListRooms"] if known else [])


def test_storage_is_reached_when_its_authority_is_trusted(make: Make, tls: ssl.SSLContext, known: bool) -> None:
    with Wire(tls=tls) as s3:
        s3.script.append(Reply(200, b"OggS", HEAD))
        client = make(RECORDING_S3_ENDPOINT=s3.url, **SETTINGS)
        assert client.get("/recording/call").status_code == (200 if known else 503)
    assert len(s3.requests) == known


def test_hook_is_reached_when_its_authority_is_trusted(make: Make, tls: ssl.SSLContext, known: bool) -> None:
    with FaultServer(tls=tls) as target, FakeSipClient() as telephones:
        target.always(inbound.accept)
        client = make(**telephones.settings, **inbound.SETTINGS)
        save(client, {"host": "a.example.com", "url": f"{target.url}/hook"})
        assert inbound.send_event(client, inbound.joined()).status_code == 200
        until(lambda: target.hits if known else target.connections > 1, 60, "it was tried")
        client.application.extensions["sayna"].close()
    assert bool(target.hits) == known


def test_auth_service_is_reached_when_authority_is_trusted(
    make: Make, tls: ssl.SSLContext, known: bool, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    with FaultServer(tls=tls) as service:
        service.always(answers.whole(b'{"id":"a"}'))
        settings = {"AUTH_SERVICE_URL": service.url, "AUTH_SIGNING_KEY_PATH": str(pem)}
        client = make(AUTH_REQUIRED="true", **settings)
        answer = client.get("/sip/hooks", headers={"Authorization": "Bearer token"})
    assert answer.status_code == (200 if known else 503)


def test_public_authorities_are_still_trusted(make_client: MakeClient, authority: Authority) -> None:
    make_client(TLS_CA_FILE=str(authority.pem))
    public = certifi.contents().count("BEGIN CERTIFICATE")
    for context in (
        pool(filtered=False).connection_pool_kw["ssl_context"],
        pool(filtered=True).connection_pool_kw["ssl_context"],
    ):
        assert context.cert_store_stats()["x509_ca"] == public + 1
    file = http.ca_bundle()
    assert file is not None
    assert Path(file).stat().st_mode & 0o777 == 0o600
    # It has no name, so a process that is killed leaves no file.
    assert Path(file).stat().st_nlink == 0
    assert Path(file).read_text() == f"{certifi.contents()}\n{authority.pem.read_text()}"
    context = http.system_context()
    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_other_authority_is_not_trusted(
    make_client: MakeClient, authority: Authority, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority.create(tmp_path / "other")
    with Wire(tls=tls) as s3, DeepgramFake(tls=tls) as deepgram:
        client = make_client(
            TLS_CA_FILE=str(other.pem), RECORDING_S3_ENDPOINT=s3.url, DEEPGRAM_API_KEY="good",
            DEEPGRAM_BASE_URL=deepgram.url, **SETTINGS,
        )  # fmt: skip
        assert client.get("/recording/call").status_code == 503
        assert client.post("/speak", json={"text": "Hello", "provider": "deepgram"}).status_code == 500
