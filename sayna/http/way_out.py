"""The operator's proxy and certificate authorities, the same for all clients of the process.

The clients are our own connections, boto3 and aiohttp. They trust the public authorities too.
"""

import functools
import ssl
import tempfile
from typing import IO

from sayna.config import OutboundConfig


class _WayOut:
    config = OutboundConfig()


_way_out = _WayOut()


def set_way_out(config: OutboundConfig) -> None:
    """Set the authorities and the proxy of every connection that is made from now on."""
    _way_out.config = config


def way_out() -> OutboundConfig:
    """Return the proxy, its exceptions and the authorities."""
    return _way_out.config


def operator_certificates() -> str:
    """Return the operator's authorities in PEM, empty for none."""
    authorities = _way_out.config.authorities
    return authorities.pem if authorities else ""


def system_context() -> ssl.SSLContext | None:
    """Return a context for aiohttp: authorities of the machine and of the operator; None without the latter."""
    if not (certificates := operator_certificates()):
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=certificates)
    context.set_alpn_protocols(["http/1.1"])
    return context


def ca_bundle() -> str | None:
    """Return the path of a PEM file for boto3: authorities public and of the operator; None without the latter."""
    certificates = operator_certificates()
    return f"/proc/self/fd/{_bundle(certificates).fileno()}" if certificates else None


@functools.cache
def _bundle(pem: str) -> IO[bytes]:
    """Return a file without a name, so that a process that is killed leaves none behind; its children have it too."""
    import certifi  # noqa: PLC0415 - our own connections import it with the first call, see __init__

    file = tempfile.TemporaryFile()  # noqa: SIM115 - it stays open as long as the process
    file.write(f"{certifi.contents()}\n{pem}".encode())
    file.flush()
    return file
