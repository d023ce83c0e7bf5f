"""The protocol between a worker and an engine process: one request a connection, frames both ways.

A frame: u32 length of the payload (little-endian), one byte kind, payload. A request is one frame; its payload begins
with the seconds that it may take. A response is any number of AUDIO or TABLE frames, then one frame of another kind.
A connection that ends without such a frame means that the engine process has died.
"""

import socket
import struct
from collections.abc import Callable, Generator

HEADER = struct.Struct("<Ic")
SECONDS = struct.Struct("<d")
# Requests: a text for espeak-ng, its table of voices, a text for Piper, a text for hibari.
ESPEAK, VOICES, PIPER, HIBARI = b"s", b"v", b"p", b"h"
AUDIO, TABLE = b"a", b"t"
# Ends of a response: all is said, an unknown voice, too long, an error whose type is the payload.
END, NO_VOICE, TOO_LONG, FAILED = b"e", b"n", b"l", b"f"
# The socket of a request, below the folder of the pool.
SOCKETS = {ESPEAK: "espeak", VOICES: "espeak", PIPER: "neural", HIBARI: "neural"}


# Sends one frame of a response, of a kind and a payload; returns False when the worker has gone.
Send = Callable[[bytes, bytes], bool]
# The steps of one response; the kind of its last frame is what the generator returns.
Steps = Generator[None, None, bytes]
Engine = Callable[[bytes, Send], Steps]


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one frame."""
    return HEADER.pack(len(payload), kind) + payload


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return the kind and the payload of the next frame; raises OSError, and EOFError when the other side has gone."""
    size, kind = HEADER.unpack(_receive(connection, HEADER.size))
    return kind, _receive(connection, size)


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data
