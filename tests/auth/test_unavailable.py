"""An auth service that is not there, silent, resetting, or without a valid certificate."""

import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sayna.auth import Authenticator, AuthRequest
from sayna.errors import AuthServiceFailed, AuthServiceUnavailable
from tests.auth.conftest import FakeService

Make = Callable[..., Authenticator]
REQUEST = AuthRequest("POST", "/speak", {}, {"text": "Hello"})


def assert_unavailable(authenticator: Authenticator) -> AuthServiceUnavailable:
    with pytest.raises(AuthServiceUnavailable) as caught:
        authenticator.authenticate("token", lambda: REQUEST)
    assert (caught.value.status, caught.value.auth_code) == (503, "auth_service_unavailable")
    return caught.value


def test_service_is_unavailable_when_nothing_listens(make_authenticator: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert_unavailable(make_authenticator(AUTH_SERVICE_URL=f"http://127.0.0.1:{port}/"))
    assert_unavailable(make_authenticator(AUTH_SERVICE_URL="https://auth.invalid/"))


def test_service_is_unavailable_after_its_timeout(service: FakeService, make_authenticator: Make) -> None:
    service.silent = True
    started = time.monotonic()
    assert_unavailable(make_authenticator(AUTH_TIMEOUT_SECONDS="0.3"))
    assert 0.3 <= time.monotonic() - started < 20


def test_service_is_unavailable_when_it_resets(make_authenticator: Make) -> None:
    with peer(lambda connection: connection.recv(1)) as port:
        assert_unavailable(make_authenticator(AUTH_SERVICE_URL=f"http://127.0.0.1:{port}/"))


def test_service_is_unavailable_without_a_valid_certificate(
    make_authenticator: Make, rsa_key: rsa.RSAPrivateKey, save_key: Callable[[Any], Path], tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(rsa_key, tmp_path), save_key(rsa_key))

    def shake_hands(connection: socket.socket) -> None:
        # The client ends the handshake, which is an error on this side too.
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    with peer(shake_hands) as port:
        error = assert_unavailable(make_authenticator(AUTH_SERVICE_URL=f"https://127.0.0.1:{port}/"))
    assert "CERTIFICATE_VERIFY_FAILED" in "".join(traceback.format_exception(error))


def test_response_that_is_not_http_is_a_failure(make_authenticator: Make) -> None:
    def send_garbage(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"garbage\r\n\r\n")

    with peer(send_garbage) as port:
        authenticator = make_authenticator(AUTH_SERVICE_URL=f"http://127.0.0.1:{port}/")
        with pytest.raises(AuthServiceFailed) as caught:
            authenticator.authenticate("token", lambda: REQUEST)
    assert (caught.value.status, caught.value.auth_code) == (502, "auth_service_error")


@contextmanager
def peer(handle: Callable[[socket.socket], object]) -> Iterator[int]:
    """Yield the port of a raw socket that handles one connection with `handle`, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def run() -> None:
            with listener.accept()[0] as connection:
                handle(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def self_signed(key: rsa.RSAPrivateKey, folder: Path) -> Path:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    path = folder / "cert.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path
