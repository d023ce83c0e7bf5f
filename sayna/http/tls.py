"""Which certificate authorities outbound TLS trusts: the public ones, and those of TLS_CA_FILE.

The same for all clients of the process: our own connections, boto3 and aiohttp.
"""

import functools
import ssl
import tempfile
from typing import IO


class _OperatorCertificates:
    pem = ""


_operator = _OperatorCertificates()


def set_ca_certificates(pem: str) -> None:
    """Set the operator's authorities (PEM; empty for none) for every connection pool that is made from now on."""
    _operator.pem = pem


def operator_certificates() -> str:
    """Return the operator's authorities in PEM, empty for none."""
    return _operator.pem


def add_ca_certificates(context: ssl.SSLContext, pem: str) -> ssl.SSLContext:
    """Return the same context, which now trusts these authorities too."""
    if pem:
        context.load_verify_locations(cadata=pem)
    return context


def system_context() -> ssl.SSLContext | None:
    """Return a context for aiohttp: authorities of the machine and of the operator; None without the latter."""
    if not _operator.pem:
        return None
    context = add_ca_certificates(ssl.create_default_context(), _operator.pem)
    context.set_alpn_protocols(["http/1.1"])
    return context


def ca_bundle() -> str | None:
    """Return the path of a PEM file for boto3: authorities public and of the operator; None without the latter."""
    return f"/proc/self/fd/{_bundle(_operator.pem).fileno()}" if _operator.pem else None


@functools.cache
def _bundle(pem: str) -> IO[bytes]:
    """Return a file without a name, so that a process that is killed leaves none behind; its children have it too."""
    import certifi  # noqa: PLC0415 - our own connections import it with the first call, see __init__

    file = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open as long as the process
    file.write(f"{certifi.contents()}\n{pem}".encode())
    file.flush()
    return file
