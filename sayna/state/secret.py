"""The secret behind cursors and the cache keys of credentials: one for all workers and machines."""

import hmac
import logging
import os
import secrets
from pathlib import Path

from sayna.config import Secret
from sayna.state.files import exclusive, is_readable_by_others, open_private, private_folder, replace_private

log = logging.getLogger("sayna.cache")

KEY_FILE = "credential.key"
SECRET_BYTES = 32
WAIT_SECONDS = 5.0


def server_secret(shared: Secret | None, path: Path | None) -> bytes:
    """Return 32 bytes made from the secret of all machines; without it, those of `path`/credential.key.

    The file is created when it is missing. Without a folder the bytes are random.
    """
    if shared is not None:
        return hmac.digest(shared.reveal().encode(), b"server secret", "sha256")
    return lasting_secret(path) or secrets.token_bytes(SECRET_BYTES)


def lasting_secret(path: Path | None) -> bytes | None:
    """Return the 32 bytes in `path`/credential.key, made when missing; None when no file can keep them."""
    if path is None:
        return None
    file = path / KEY_FILE
    try:
        with exclusive(private_folder(path) / "credential.lock", WAIT_SECONDS):
            if (key := _read(file)) is None:
                key = secrets.token_bytes(SECRET_BYTES)
                replace_private(file, key)
            return key
    except OSError as error:
        log.warning("credential.key in %s cannot be used (%s): this process uses a random key", path, error)
        return None


def _read(file: Path) -> bytes | None:
    """Return the key, or nothing when the file is missing, of another length or readable by others."""
    try:
        descriptor = open_private(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        key = opened.read(SECRET_BYTES + 1)
    # A key that other users could read protects nothing: the caller makes a new one, and audio of requests
    # with their own credentials is synthesized again.
    return key if len(key) == SECRET_BYTES and not is_readable_by_others(found) else None
