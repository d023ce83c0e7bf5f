"""The ways in which an exchange fails; urllib3's own errors are translated here and seen nowhere else."""

from sayna.http.sockets import Forbidden


class TransportError(Exception):
    """The exchange did not complete; nothing of the peer's words is in the message."""


class Unreachable(TransportError):
    """Refused, reset before an answer, no such name, or TLS that does not verify."""


class NotAllowed(Unreachable):
    """The name leads to an address that this exchange must not reach; nothing was sent."""


class TimedOut(TransportError):
    """The total deadline, or the time to connect, ran out."""


class BadAnswer(TransportError):
    """What came back is not HTTP, is cut short, is encoded, or is larger than allowed."""


class Cancelled(TransportError):
    """This side closed the answer while it was still being read."""


def before_the_answer(error: Exception) -> TransportError:
    """Return what an error means that came before the head of an answer."""
    from urllib3 import exceptions  # noqa: PLC0415 - see __init__

    # urllib3 wraps what a socket raised once the request was on its way.
    cause = error.args[-1] if isinstance(error, exceptions.ProtocolError) else error
    # The order counts: urllib3 derives "refused" from "timed out", and a builtin time-out is an OSError.
    if isinstance(cause, exceptions.NewConnectionError):
        forbidden = isinstance(cause.__cause__, Forbidden)
        return NotAllowed("the address is not allowed") if forbidden else Unreachable("the connection failed")
    if isinstance(cause, (exceptions.TimeoutError, TimeoutError)):
        return TimedOut("no answer in time")
    if isinstance(cause, (exceptions.SSLError, OSError)):
        return Unreachable("the connection failed")
    return BadAnswer("the answer is not HTTP")


def within_the_answer(error: Exception) -> TransportError:
    """Return what an error means that came while the body of an answer was read."""
    from urllib3 import exceptions  # noqa: PLC0415 - see __init__

    if isinstance(error, exceptions.TimeoutError):
        return TimedOut("the answer did not end in time")
    return BadAnswer("the answer broke off")
