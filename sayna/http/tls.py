"""Whom outbound TLS believes: the public authorities, and beside them the operator's own (TLS_CA_FILE).

One answer for all clients of the process: our own connections, boto3's and aiohttp's.
"""

import atexit
import functools
import os
import ssl
import tempfile
from pathlib import Path


class _Own:
    pem = ""


_own = _Own()


def trust(pem: str) -> None:
    """Believe these authorities too, in every connection pool that is not made yet; empty is none."""
    _own.pem = pem


def add_ca_certificates(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return the context, which believes the operator's authorities beside its own."""
    if _own.pem:
        context.load_verify_locations(cadata=_own.pem)
    return context


def system_context() -> ssl.SSLContext | None:
    """Return a context for aiohttp: the machine's authorities and the operator's; None without the latter."""
    if not _own.pem:
        return None
    context = add_ca_certificates(ssl.create_default_context())
    context.set_alpn_protocols(["http/1.1"])
    return context


def bundle() -> str | None:
    """Return a file of the public authorities and the operator's, for boto3; None without the latter."""
    return _bundle(_own.pem, os.getpid()) if _own.pem else None


@functools.cache
def _bundle(pem: str, pid: int) -> str:
    """Write the file of this process, which goes with it."""
    import certifi  # noqa: PLC0415 - our own connections load it with the first call, see __init__

    descriptor, name = tempfile.mkstemp(prefix="sayna-authorities-", suffix=".pem")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{certifi.contents()}\n{pem}")
    atexit.register(lambda: Path(name).unlink(missing_ok=True) if os.getpid() == pid else None)
    return name
