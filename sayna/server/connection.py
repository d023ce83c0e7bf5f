"""A client's connection, read without waiting until its request is whole."""

import errno
import socket
import struct
from contextlib import suppress
from typing import Any

from gunicorn.http import get_parser

from sayna.server.request_buffer import Progress, RequestBuffer

RECEIVE_BYTES = 65536
# Of an answer's unread rest, as much is read away before the connection is closed.
DRAIN_BYTES = 65536
# Seconds that the kernel waits for a client to take a piece of an answer, as send_timeout of the shipped nginx.
SEND_SECONDS = 30
# Seconds that a thread waits for a body; the loop hands over whole requests, so it hardly ever does.
RECEIVE_SECONDS = 10
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# EAGAIN: the client took nothing of its answer for SEND_SECONDS.
GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EAGAIN, errno.EBADF})


class Connection:
    """A connection that waits at the poller for a request, or for its client to close."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, max_body: int) -> None:
        self.sock, self.client, self.server = sock, client, server
        self.parser = get_parser(cfg, sock, client)
        self.deadline = 0.0
        self.is_fresh = self.is_complete = True
        self.is_closing = False
        self._drained = 0
        self._max_body = max_body
        self.buffer = RequestBuffer(max_body)
        sock.setblocking(False)
        for option, seconds in ((socket.SO_SNDTIMEO, SEND_SECONDS), (socket.SO_RCVTIMEO, RECEIVE_SECONDS)):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))

    @property
    def is_waiting(self) -> bool:
        """Whether no byte of a request is there."""
        return not self.is_closing and self.buffer.progress is Progress.EMPTY

    def has_request(self) -> bool:
        """Whether the first bytes of a request have arrived and wait to be received."""
        try:
            return self.is_waiting and self.sock.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def receive(self) -> bytes | None:
        """Return what has arrived, nothing where the client sends no more, None where it has not sent more yet."""
        try:
            return self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def hand_over(self) -> None:
        """Give the bytes to gunicorn's parser, and begin to collect the next request."""
        self.is_complete = self.buffer.progress is Progress.WHOLE
        self.parser.unreader.unread(bytes(self.buffer.data))
        self.buffer = RequestBuffer(self._max_body)

    def send_now(self, data: bytes) -> None:
        """Send a short text without waiting; a client that cannot take it does not get it."""
        with suppress(OSError):
            self.sock.setblocking(False)
            self.sock.send(data)

    def stop_sending(self) -> bool:
        """Tell the client that no more comes; return whether the connection is still there."""
        self.is_closing = True
        self.buffer = RequestBuffer(0)
        try:
            self.sock.setblocking(False)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def drain(self) -> bool:
        """Read away what a client still sends, or closing would destroy our last bytes; return whether to go on."""
        if (data := self.receive()) is None:
            return True
        self._drained += len(data)
        return data != b"" and self._drained < DRAIN_BYTES
