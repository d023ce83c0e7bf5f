"""The loop of one engine process: it takes requests from the sockets of the pool and says them step by step.

Several neural requests take turns, a sentence each, so a short text does not wait for the end of a long one. A frame
that a slow worker does not read is kept here (44 kB a second of audio of espeak-ng), so it delays no other request.
"""

import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence

from sayna.engines.wire import FAILED, SECONDS, Engine, frame, receive
from sayna.process_memory import release_libraries, trim

# A worker sends its request at once; one that was killed in between must not hold the process.
RECEIVE_SECONDS = 1.0
# An engine that makes no sound for so long is stuck. To load a large Piper model from a slow disk takes seconds.
STUCK_SECONDS = 20.0
# A step in progress may end by itself that long after the deadline, because the end of the process costs others more.
GRACE_SECONDS = 1.0
IDLE_MS = 1000


class Job:
    """One request: its connection, the steps that are left, and the frames that the worker has not read yet."""

    def __init__(self, connection: socket.socket, engines: Mapping[bytes, Engine]) -> None:
        """Read the request; raises OSError and EOFError when the worker has gone."""
        connection.settimeout(RECEIVE_SECONDS)
        kind, payload = receive(connection)
        connection.setblocking(False)
        self.connection = connection
        self.unsent = bytearray()
        self.is_over = False
        self._until = time.monotonic() + SECONDS.unpack_from(payload)[0] + GRACE_SECONDS
        self._steps = engines[kind](payload[SECONDS.size :], self.send)

    def send(self, kind: bytes, payload: bytes) -> bool:
        """Send a frame, or keep what the worker does not read now; return False when the worker has gone."""
        self._set_alarm()
        self.unsent += frame(kind, payload)
        return self.flush()

    def flush(self) -> bool:
        """Send what is kept; return False when the worker has gone."""
        try:
            while self.unsent:
                del self.unsent[: self.connection.send(self.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.abandon()
        return not self.is_over

    def abandon(self) -> None:
        """Forget what is left for a worker that has gone."""
        self.is_over = True
        self.unsent.clear()

    def step(self) -> None:
        """Go on to the next sentence. The process ends when that takes too long, in a library's endless loop too."""
        self._set_alarm()
        try:
            next(self._steps)
        except StopIteration as end:
            self._end(end.value, b"")
        except Exception as error:  # noqa: BLE001 - of any library; its words may quote the text
            self._end(FAILED, type(error).__name__.encode())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _set_alarm(self) -> None:
        # SIGALRM has its default action, so the kernel ends the process, whatever holds the interpreter.
        signal.setitimer(signal.ITIMER_REAL, max(0.001, min(STUCK_SECONDS, self._until - time.monotonic())))

    def _end(self, kind: bytes, payload: bytes) -> None:
        self.send(kind, payload)
        self.is_over = True

    def close(self) -> None:
        """Free the request."""
        self._steps.close()
        self.connection.close()


class EngineProcess:
    """Serves requests of some kinds from some listening sockets, for ever."""

    def __init__(self, listeners: Sequence[socket.socket], engines: Mapping[bytes, Engine]) -> None:
        self._listeners = listeners
        self._engines = engines
        self._jobs: deque[Job] = deque()
        self._has_garbage = False

    def run(self) -> None:
        """Serve until the process is killed."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Wait for something to do, take a new request if there is one, and take the next step of one."""
        for listener in self._wait():
            self._accept(listener)
        for job in [job for job in self._jobs if job.is_over and not job.unsent]:
            self._jobs.remove(job)
            job.close()
        if ready := next((job for job in self._jobs if not job.unsent), None):
            self._jobs.remove(ready)
            self._jobs.append(ready)
            ready.step()
            self._has_garbage = True

    def _wait(self) -> list[socket.socket]:
        """Return the sockets at which a worker waits, once there is anything to do."""
        poll = select.poll()
        for listener in self._listeners:
            poll.register(listener, select.POLLIN)
        by_descriptor = {job.connection.fileno(): job for job in self._jobs}
        for descriptor, job in by_descriptor.items():
            poll.register(descriptor, select.POLLOUT if job.unsent else 0)
        events = dict(poll.poll(self._patience_ms()))
        if not events and not self._jobs and self._has_garbage:
            self._has_garbage = False
            trim()
            release_libraries()
        for descriptor in events.keys() & by_descriptor.keys():
            job = by_descriptor[descriptor]
            if events[descriptor] & (select.POLLHUP | select.POLLERR):
                job.abandon()
            else:
                job.flush()
        return [listener for listener in self._listeners if listener.fileno() in events]

    def _patience_ms(self) -> int | None:
        if not all(job.unsent for job in self._jobs):
            return 0
        return IDLE_MS if self._has_garbage and not self._jobs else None

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # another process was faster
        try:
            self._jobs.appendleft(Job(connection, self._engines))
        except (OSError, EOFError, KeyError):
            connection.close()


def exit_with_parent(pipe: int) -> None:
    """End this process as soon as the other end of a pipe is closed, in the middle of a synthesis too."""
    os.read(pipe, 1)
    os._exit(0)
