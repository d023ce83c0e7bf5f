"""Which certificate authorities outbound TLS trusts: the public ones, and those of TLS_CA_FILE.

The same for all clients of the process: our own connections, boto3 and aiohttp.
"""

import atexit
import functools
import os
import ssl
import tempfile
from pathlib import Path


class _OperatorCertificates:
    pem = ""


_operator = _OperatorCertificates()


def set_ca_certificates(pem: str) -> None:
    """Set the operator's authorities (PEM; empty for none) for every connection pool that is made from now on."""
    _operator.pem = pem


def add_ca_certificates(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return the same context, which now trusts the operator's authorities too."""
    if _operator.pem:
        context.load_verify_locations(cadata=_operator.pem)
    return context


def system_context() -> ssl.SSLContext | None:
    """Return a context for aiohttp: authorities of the machine and of the operator; None without the latter."""
    if not _operator.pem:
        return None
    context = add_ca_certificates(ssl.create_default_context())
    context.set_alpn_protocols(["http/1.1"])
    return context


def ca_bundle() -> str | None:
    """Return the path of a PEM file for boto3: authorities public and of the operator; None without the latter."""
    return _write_bundle(_operator.pem, os.getpid()) if _operator.pem else None


@functools.cache
def _write_bundle(pem: str, pid: int) -> str:
    """Return the path of a new file, which is removed when this process exits."""
    import certifi  # noqa: PLC0415 - our own connections import it with the first call, see __init__

    descriptor, name = tempfile.mkstemp(prefix="sayna-authorities-", suffix=".pem")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{certifi.contents()}\n{pem}")
    atexit.register(lambda: Path(name).unlink(missing_ok=True) if os.getpid() == pid else None)
    return name
