"""What goes wrong with callers beside the token itself.

SaynaError
└── TooManyFailures               429 TOO_MANY_AUTH_FAILURES, with Retry-After
"""

from sayna.errors import SaynaError


class TooManyFailures(SaynaError):
    """Too many wrong tokens came from this address within a minute; this one was not looked at."""

    status = 429
    code = "TOO_MANY_AUTH_FAILURES"
