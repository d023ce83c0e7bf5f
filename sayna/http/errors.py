"""How an exchange fails; no other package sees errors of urllib3 and requests."""


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
