"""Outbound HTTP: pooled, without redirects, proxies or cookies, with a total deadline and a byte cap."""

from sayna.http.addresses import is_public
from sayna.http.call import post, send
from sayna.http.deadline import Deadline, Patience
from sayna.http.failures import BadAnswer, GivenUp, NotAllowed, TimedOut, TransportError, Unreachable
from sayna.http.reply import Answer, Reply
from sayna.http.sockets import resolved

__all__ = [
    "Answer",
    "BadAnswer",
    "Deadline",
    "GivenUp",
    "NotAllowed",
    "Patience",
    "Reply",
    "TimedOut",
    "TransportError",
    "Unreachable",
    "is_public",
    "post",
    "resolved",
    "send",
]
