"""Which private keys are accepted, and which tokens they sign."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sayna.auth import Authenticator, AuthRequest
from sayna.auth.signing import load_signing_key
from sayna.config import ConfigError
from tests.auth.conftest import FakeService

REQUEST = AuthRequest("GET", "/voices", {})


def test_rsa_key_signs_rs256(rsa_key: rsa.RSAPrivateKey, save_key: Callable[[Any], Path]) -> None:
    signed = load_signing_key(save_key(rsa_key)).sign({"token": "t"})
    assert jwt.get_unverified_header(signed)["alg"] == "RS256"
    assert jwt.decode(signed, rsa_key.public_key(), algorithms=["RS256"])["auth_data"] == {"token": "t"}


def test_p256_key_signs_es256(save_key: Callable[[Any], Path]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signed = load_signing_key(save_key(key)).sign({"token": "t"})
    assert jwt.get_unverified_header(signed)["alg"] == "ES256"
    assert jwt.decode(signed, key.public_key(), algorithms=["ES256"])["auth_data"] == {"token": "t"}


def short_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    "make",
    [short_rsa_key, lambda: ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate],
    ids=["RSA 1024", "P-384", "Ed25519"],
)
def test_start_fails_with_an_unsupported_key(make: Callable[[], Any], save_key: Callable[[Any], Path]) -> None:
    assert_refused(save_key(make()), "type or size")


def test_start_fails_without_a_private_key_in_the_file(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    locked = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    binary = rsa_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for place, content in enumerate([b"", b"junk", public, locked, binary]):
        path = tmp_path / f"{place}.pem"
        path.write_bytes(content)
        assert_refused(path, "cannot be read as a private key")
    assert_refused(tmp_path / "missing.pem", "FileNotFoundError")
    assert_refused(tmp_path, "IsADirectoryError")


def assert_refused(path: Path, fragment: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_signing_key(path)
    (problem,) = caught.value.problems
    assert problem.startswith("AUTH_SIGNING_KEY_PATH ")
    assert fragment in problem
    assert "; set it to " in problem


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_start_warns_when_others_can_read_the_key(
    mode: int,
    warned: bool,
    rsa_key: rsa.RSAPrivateKey,
    save_key: Callable[[Any], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = save_key(rsa_key)
    path.chmod(mode)
    load_signing_key(path)
    levels = [record.levelno for record in caplog.records if "AUTH_SIGNING_KEY_PATH" in record.getMessage()]
    assert levels == ([logging.WARNING] if warned else [])


def test_authenticator_is_not_created_with_a_bad_key(make_authenticator: Callable[..., Authenticator]) -> None:
    with pytest.raises(ConfigError, match="AUTH_SIGNING_KEY_PATH"):
        make_authenticator(AUTH_SIGNING_KEY_PATH="/no/such/key.pem")


def test_rotated_key_is_used_after_the_next_start(
    service: FakeService,
    make_authenticator: Callable[..., Authenticator],
    service_key: ec.EllipticCurvePrivateKey,
    tmp_path: Path,
) -> None:
    before = make_authenticator()
    new_key = ec.generate_private_key(ec.SECP256R1())
    rotated = tmp_path / "rotated.pem"
    rotated.write_bytes(new_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    rotated.replace(tmp_path / "key.pem")
    before.authenticate("token", lambda: REQUEST)
    assert service.claims(service_key)["sub"] == "sayna-auth"
    make_authenticator(AUTH_SIGNING_KEY_PATH=str(save_as_new(tmp_path, new_key))).authenticate("token", lambda: REQUEST)
    assert service.claims(new_key)["sub"] == "sayna-auth"


def save_as_new(folder: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    """Save the key to a file that make_authenticator() does not overwrite."""
    path = folder / "new.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
