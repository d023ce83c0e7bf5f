"""One helper process and the worker's end of its socket."""

import contextlib
import socket
import subprocess
import sys

from sayna.http import Deadline
from sayna.providers.espeak import helper_program as wire

RECEIVE_BYTES = 1 << 18


class Helper:
    """A running `helper_program.py`; its methods are not thread-safe."""

    def __init__(self, library: str, data: str) -> None:
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as unless_started, theirs:
            unless_started.callback(ours.close)
            # Empty environment: some texts crash this process, so it must not hold a key in its memory.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", "-S", wire.__file__, library, data],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                # A terminal sends Ctrl-C to its whole group, but only the worker may end the helper.
                start_new_session=True,
            )
            unless_started.pop_all()
        self._socket = ours
        self.pid = self._process.pid
        self._partial = b""
        self.killed = False

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def send(self, kind: bytes, payload: bytes, deadline: Deadline) -> None:
        """Send one frame; raises TimeoutError at the deadline and OSError when the process is dead."""
        self._wait_at_most(deadline)
        self._socket.sendall(wire.HEADER.pack(len(payload), kind) + payload)

    def receive(self, deadline: Deadline) -> list[tuple[bytes, bytes]]:
        """Return the frames that arrive next, perhaps none; raises TimeoutError, OSError, EOFError."""
        self._wait_at_most(deadline)
        data = self._socket.recv(RECEIVE_BYTES)
        if not data:
            raise EOFError
        return self._split(self._partial + data)

    def _wait_at_most(self, deadline: Deadline) -> None:
        seconds = deadline.remaining()
        if not seconds:
            raise TimeoutError
        self._socket.settimeout(seconds)

    def _split(self, data: bytes) -> list[tuple[bytes, bytes]]:
        frames = []
        start = 0
        while len(data) - start >= wire.HEADER.size:
            length, kind = wire.HEADER.unpack_from(data, start)
            body = start + wire.HEADER.size
            if len(data) < body + length:
                break
            start = body + length
            frames.append((kind, data[body:start]))
        self._partial = data[start:]
        return frames

    def kill(self) -> None:
        """End the process at once and reap it; a thread that reads its socket sees the end."""
        self.killed = True
        self._process.kill()
        self._process.wait()

    def release(self) -> None:
        """Close our end of the socket, on which the process ends."""
        self._socket.close()

    def disown(self) -> None:
        """Forget the process in a forked child: it belongs to the parent and ends with the parent."""
        self._process.returncode = 0  # otherwise Popen warns about the parent's process and waits for it
        self._socket.close()
