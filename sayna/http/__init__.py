"""Outbound HTTP: pooled, without redirects, proxies or cookies, with a total deadline and a byte cap."""

from sayna.http.call import post, send
from sayna.http.deadline import Deadline, Patience
from sayna.http.failures import BadAnswer, GivenUp, TimedOut, TransportError, Unreachable
from sayna.http.reply import Answer, Reply

__all__ = [
    "Answer",
    "BadAnswer",
    "Deadline",
    "GivenUp",
    "Patience",
    "Reply",
    "TimedOut",
    "TransportError",
    "Unreachable",
    "post",
    "send",
]
