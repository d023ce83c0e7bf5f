"""Outbound HTTP: requests over our own pool, without redirects or cookies; a total deadline, a byte cap."""

from typing import TYPE_CHECKING, Any

from sayna.http.addresses import is_public
from sayna.http.deadline import Deadline, IdleTimeout
from sayna.http.errors import BadResponse, Cancelled, NotAllowed, TimedOut, TransportError, Unreachable
from sayna.http.proxy import proxy_for
from sayna.http.sockets import resolve
from sayna.http.way_out import ca_bundle, set_way_out, system_context

if TYPE_CHECKING:
    from sayna.http.exchange import StreamedResponse, send

__all__ = [
    "BadResponse",
    "Cancelled",
    "Deadline",
    "IdleTimeout",
    "NotAllowed",
    "StreamedResponse",
    "TimedOut",
    "TransportError",
    "Unreachable",
    "ca_bundle",
    "is_public",
    "proxy_for",
    "resolve",
    "send",
    "set_way_out",
    "system_context",
]


def __getattr__(name: str) -> Any:
    """Import requests with the first call instead of at start, because its import takes 50 ms of CPU (measured)."""
    if name not in ("StreamedResponse", "send"):
        raise AttributeError(name)
    from sayna.http import exchange  # noqa: PLC0415

    return getattr(exchange, name)
