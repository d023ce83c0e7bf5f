"""Outbound HTTP: pooled, without redirects, proxies or cookies, with a total deadline and a byte cap."""

from typing import TYPE_CHECKING, Any

from sayna.http.addresses import is_public
from sayna.http.answer import Response
from sayna.http.deadline import Deadline, IdleTimeout
from sayna.http.errors import BadAnswer, Cancelled, NotAllowed, TimedOut, TransportError, Unreachable
from sayna.http.sockets import resolved
from sayna.http.tls import bundle, system_context, trust

if TYPE_CHECKING:
    from sayna.http.client import post, send
    from sayna.http.response import Reply

__all__ = [
    "BadAnswer",
    "Cancelled",
    "Deadline",
    "IdleTimeout",
    "NotAllowed",
    "Reply",
    "Response",
    "TimedOut",
    "TransportError",
    "Unreachable",
    "bundle",
    "is_public",
    "post",
    "resolved",
    "send",
    "system_context",
    "trust",
]


def __getattr__(name: str) -> Any:
    """Load urllib3 with the first call instead of at start, where it is a tenth of the time."""
    if name not in ("Reply", "post", "send"):
        raise AttributeError(name)
    from sayna.http import client as call  # noqa: PLC0415

    return getattr(call, name)
