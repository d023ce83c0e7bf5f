"""Cursors of pages, encrypted: a cursor holds the key of a recording that may belong to another tenant."""

import base64
import hashlib

from sayna.errors import InvalidRequest

MAX_CURSOR = 4096


class Cursors:
    """Encrypts and decrypts cursors under a key made from a secret that all workers share."""

    def __init__(self, secret: bytes) -> None:
        # The prefix separates this key from the other uses of the same secret.
        self._key = base64.urlsafe_b64encode(hashlib.sha256(b"recordings cursor:" + secret).digest())

    def seal(self, key: str) -> str:
        """Return an opaque text for URLs."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - only pages need it

        return Fernet(self._key).encrypt(key.encode()).decode()

    def open(self, cursor: str) -> str:
        """Return the key inside; raises InvalidRequest for a cursor of another server."""
        from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415

        try:
            return Fernet(self._key).decrypt(cursor[:MAX_CURSOR].encode()).decode()
        except InvalidToken as error:
            raise InvalidRequest("cursor is not from this server; send the request without cursor") from error
