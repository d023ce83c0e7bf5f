"""The private key of this server, and the short-lived tokens that it signs for the auth service."""

import logging
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sayna.config import ConfigError

LIFETIME = 300  # seconds
MIN_RSA_BITS = 2048

logger = logging.getLogger("sayna.auth")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the one algorithm that it signs with."""

    key: RSAPrivateKey | EllipticCurvePrivateKey
    algorithm: str

    def sign(self, auth_data: dict[str, object]) -> str:
        """Return a JWT about one request, valid for LIFETIME."""
        now = int(time.time())
        claims = {
            "sub": "sayna-auth",
            "iat": now,
            "exp": now + LIFETIME,
            # The service can refuse a captured request that an attacker repeats.
            "jti": str(uuid.uuid4()),
            "auth_data": auth_data,
        }
        return jwt.encode(claims, self.key, algorithm=self.algorithm)


def load_signing_key(path: Path) -> SigningKey:
    """Return the key in a PEM file; raises ConfigError unless it is RSA of 2048 bits or more, or EC P-256."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
        mode = path.stat().st_mode
    # cryptography raises TypeError for a key with a password.
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad_key(f"cannot be read as a private key ({type(error).__name__})") from error
    if mode & 0o044:
        logger.warning("AUTH_SIGNING_KEY_PATH can be read by other users of this machine; set its mode to 600.")
    # The key alone decides the algorithm (RFC 8725, section 3.1).
    if isinstance(key, RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return SigningKey(key, "RS256")
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return SigningKey(key, "ES256")
    raise _bad_key("has a key of a type or size that is not supported")


def _bad_key(reason: str) -> ConfigError:
    wants = "set it to an unencrypted PEM file with an RSA key of at least 2048 bits or an EC P-256 key"
    return ConfigError([f"AUTH_SIGNING_KEY_PATH {reason}; {wants}."])
