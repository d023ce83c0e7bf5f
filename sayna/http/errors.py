"""How an exchange fails; errors of urllib3 and requests are translated here, so no other package sees them."""

from sayna.http.sockets import AddressRefused


class TransportError(Exception):
    """The exchange did not complete; the message quotes nothing that the peer sent."""


class Unreachable(TransportError):
    """The peer refused or reset the connection, its name is unknown, or its TLS certificate is not valid."""


class NotAllowed(Unreachable):
    """The address filter refused an address of the host, and nothing was sent."""


class TimedOut(TransportError):
    """The total deadline, or the time to connect, is over."""


class BadResponse(TransportError):
    """The response is not HTTP, incomplete, compressed, or larger than allowed."""


class Cancelled(TransportError):
    """This process cancelled the request or closed the response before its end."""


def error_before_response(error: Exception) -> TransportError:
    """Return the meaning of an error that was raised before the head of the response had arrived."""
    from requests.exceptions import InvalidURL  # noqa: PLC0415 - see __init__
    from urllib3 import exceptions  # noqa: PLC0415 - see __init__

    # Keep this order: in urllib3 "refused" is a kind of "timed out", and the builtin TimeoutError is an OSError.
    if isinstance(error, exceptions.NewConnectionError):
        is_refused = isinstance(error.__cause__, AddressRefused)
        return NotAllowed("the address is not allowed") if is_refused else Unreachable("the connection failed")
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return TimedOut("no response in time")
    if isinstance(error, InvalidURL):
        return Unreachable("the URL names no valid host")
    if isinstance(error, (exceptions.SSLError, OSError)):
        return Unreachable("the connection failed")
    return BadResponse("the response is not HTTP")


def error_in_response(error: Exception) -> TransportError:
    """Return the meaning of an error that was raised while the body of the response was read."""
    if isinstance(error, TimeoutError):
        return TimedOut("the response did not end in time")
    return BadResponse("the response is incomplete")
