"""What moves audio into a flight: from the vendor when this process leads, else from its part file."""

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing

from sayna.errors import SaynaError
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.frames import (
    DATA,
    END,
    ERROR,
    HEADER,
    WHOLE,
    FrameReader,
    dump_error,
    frame,
)
from sayna.speech.single_flight.part_file import Part
from sayna.speech.single_flight.stream import Rendering, SharedStream, State

log = logging.getLogger("sayna.speech")

# Measured with 200 followers: 5 ms between looks cost 0.20 s of CPU, 1 ms 0.33 s, 20 ms 0.17 s;
# at 5 ms the first byte comes 3.7 ms later (p50).
EAGER_SECONDS, EAGER_POLL_SECONDS, POLL_SECONDS = 0.05, 0.002, 0.005


class PartFileWriter:
    """The part file as its leader writes it; once the disk is full, only this process is served."""

    def __init__(self, part: Part | None, rate_limited_log: RateLimitedLogger) -> None:
        self._part = part
        self._rate_limited_log = rate_limited_log
        # Taken again where the collector, at work while this thread holds it, drops a listener.
        self._lock = threading.RLock()

    def write(self, kind: bytes, payload: bytes = b"") -> None:
        """Append one frame for the followers in other processes."""
        if self._part is None:
            return
        try:
            self._part.write(frame(kind, payload))
        except OSError as error:
            self._rate_limited_log.warn("audio cannot be shared with other processes: %r", error)
            self.close()

    def has_followers(self) -> bool:
        """Whether another process follows; may be asked by any thread."""
        with self._lock:
            return self._part is not None and self._part.has_followers()

    def close(self) -> None:
        """Let go of the part file; followers that have not seen its end start anew or abort."""
        with self._lock:
            part, self._part = self._part, None
            if part is not None:
                part.close()


def lead(flight: SharedStream, tee: PartFileWriter, launch: Callable[[], Rendering]) -> None:
    """Render into the flight and store the audio, unless it fails or everybody leaves before its end."""
    try:
        rendering = launch()
        with closing(rendering):
            if not _stream(rendering, flight, tee):
                return
    except Exception as error:
        if flight.state is State.LOST:  # called off: this is only how the vendor's call ended
            tee.close()
            return
        if not isinstance(error, SaynaError):
            log.exception("a rendering failed unexpectedly")
        # Whoever asks again once the failure is told must find the way free, not this failure.
        payload = dump_error(error)
        tee.write(ERROR, payload)
        tee.close()
        flight.end(State.FAILED, payload)
        return
    flight.end(State.WHOLE)
    tee.write(WHOLE)
    _finish(rendering, flight)
    flight.end(State.COMPLETE)
    tee.write(END)


def follow(flight: SharedStream, part: Part) -> None:
    """Copy the leader's frames into the flight until it ends, its leader dies, or nobody listens here."""
    reader = FrameReader()
    started = time.monotonic()
    while flight.state in (State.RUNNING, State.WHOLE) and not flight.cancel_if_unused(lambda: False):
        leader_gone = part.leader_gone()
        frames = list(reader.feed(part.read()))
        if leader_gone and not (frames and frames[-1][0] in (WHOLE, END, ERROR)):
            # The last words of a dead leader are not handed out, so that more listeners can start anew.
            flight.abandon()
            return
        for kind, payload in frames:
            _take(flight, kind, payload)
        if not frames:
            eager = time.monotonic() - started < EAGER_SECONDS
            time.sleep(EAGER_POLL_SECONDS if eager else POLL_SECONDS)


def _stream(rendering: Rendering, flight: SharedStream, tee: PartFileWriter) -> bool:
    """Copy the audio into the flight and the file; return False when everybody left before its end."""
    flight.open(rendering.header)
    tee.write(HEADER, json.dumps(dict(rendering.header)).encode())
    for chunk in rendering.chunks:
        if flight.cancel_if_unused(tee.has_followers):
            tee.close()
            return False
        if chunk:
            flight.append(chunk)
            tee.write(DATA, chunk)
    return True


def _take(flight: SharedStream, kind: bytes, payload: bytes) -> None:
    if kind == HEADER:
        flight.open(json.loads(payload))
    elif kind == DATA:
        flight.append(payload)
    elif kind == ERROR:
        flight.end(State.FAILED, payload)
    elif kind == WHOLE:
        flight.end(State.WHOLE)
    elif kind == END:
        flight.end(State.COMPLETE)


def _finish(rendering: Rendering, flight: SharedStream) -> None:
    try:
        rendering.finish(b"".join(flight.chunks))
    except Exception:
        log.exception("a finished rendering could not be stored")
