"""An auth service on loopback, and keys that sign requests to it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sayna.auth import Authenticator
from sayna.config import load_config


@dataclass
class FakeService:
    """What the auth service responds, and the requests that it received."""

    port: int
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/verify"

    def claims(self, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
        """Return the claims of the last request, after verifying its signature."""
        return jwt.decode(self.requests[-1][2], key.public_key(), algorithms=["ES256"])


@pytest.fixture
def service() -> Iterator[FakeService]:
    class Handler(BaseHTTPRequestHandler):
        # Otherwise the body waits up to 40 ms for the client to acknowledge the headers.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode("ascii")
            fake.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if fake.silent:
                fake.released.wait(30)
                return
            self.send_response(fake.status)
            for name, value in {"Content-Length": str(len(fake.body)), **fake.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(fake.body)

        do_GET = do_POST  # noqa: N815 - the name is the base class's

        def log_message(self, *args: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake = FakeService(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        fake.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def service_key() -> ec.EllipticCurvePrivateKey:
    """Return the key that signs requests to the auth service: to load one of RSA takes 50 ms each time."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def save_key(tmp_path: Path) -> Callable[[Any], Path]:
    def save(key: Any) -> Path:
        path = tmp_path / "key.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
        return path

    return save


@pytest.fixture
def make_authenticator(
    service: FakeService, service_key: ec.EllipticCurvePrivateKey, save_key: Callable[[Any], Path]
) -> Callable[..., Authenticator]:
    """Return a function that creates an authenticator for the auth service from more settings."""

    def make(**more: str) -> Authenticator:
        environ = {
            "AUTH_REQUIRED": "true",
            "AUTH_SERVICE_URL": service.url,
            "AUTH_SIGNING_KEY_PATH": str(save_key(service_key)),
        }
        return Authenticator(load_config(environ | more).auth)

    return make
