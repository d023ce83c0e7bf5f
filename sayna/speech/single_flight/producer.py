"""The steps that move audio into a shared stream: from the provider in a leader, from its part file in a follower."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from sayna.errors import SaynaError
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight import frames
from sayna.speech.single_flight.frames import frame
from sayna.speech.single_flight.part_file import PartFile
from sayna.speech.single_flight.stream import STORE_SECONDS, SharedStream, State, StreamLost
from sayna.speech.single_flight.task import Form, SynthesisTask

log = logging.getLogger("sayna.speech")

# Measured with 200 followers: 5 ms between two reads cost 0.20 s of CPU, 1 ms 0.33 s, 20 ms 0.17 s;
# at 5 ms the first byte comes 3.7 ms later (p50).
EAGER_SECONDS, EAGER_POLL_SECONDS, POLL_SECONDS = 0.05, 0.002, 0.005
# To ask the kernel for followers with each chunk took 5 % of a miss of 20 chunks within 100 ms (measured).
FOLLOWER_LOOK_SECONDS = 0.02

ENDS = {frames.WHOLE: State.WHOLE, frames.END: State.COMPLETE, frames.ERROR: State.FAILED}


class PartFileWriter:
    """Writes the leader's `part` file, from the start of the audio, once another process follows.

    Once the disk is full, only subscribers in this process get audio.
    """

    def __init__(self, rate_limited_log: RateLimitedLogger, is_read_elsewhere: Callable[[], bool]) -> None:
        self.part: PartFile | None = None
        self._is_read_elsewhere = is_read_elsewhere
        self._rate_limited_log = rate_limited_log
        self._chunks: int | None = None
        self._next_look = 0.0
        self._is_whole = False
        # Reentrant: the garbage collector may close a subscriber while this very thread holds the lock.
        self._lock = threading.RLock()

    def add_chunk(self, stream: SharedStream) -> bool:
        """Do what update() does, but without a follower not more often than every FOLLOWER_LOOK_SECONDS."""
        now = time.monotonic()
        if self._chunks is None and now < self._next_look:
            return False
        self._next_look = now + FOLLOWER_LOOK_SECONDS
        return self.update(stream)

    def update(self, stream: SharedStream, end: bytes = b"") -> bool:
        """Write what the followers do not have, and the frame `end`; return whether there are followers."""
        with self._lock:
            part = self.part
            if part is None or (self._chunks is None and not part.is_followed()):
                return False
            try:
                part.write(b"".join(self._missing(stream)) + end)
            except OSError as error:
                self._rate_limited_log.warn("audio cannot be shared with other processes: %r", error)
                self.close()
            return True

    def _missing(self, stream: SharedStream) -> Iterator[bytes]:
        is_whole = stream.state in (State.WHOLE, State.COMPLETE)
        if self._chunks is None:
            if not (stream.chunks or is_whole):
                return
            self._chunks = 0
            yield frame(frames.BEGIN, frames.dump_begin(stream.created, stream.is_cached, stream.spec))
        # Another thread may append meanwhile.
        chunks = stream.chunks[self._chunks :]
        self._chunks += len(chunks)
        yield from (frame(frames.DATA, chunk) for chunk in chunks)
        if is_whole and not self._is_whole:
            self._is_whole = True
            yield frame(frames.WHOLE)

    def has_followers(self) -> bool:
        """Whether another process or machine follows, after which none can start to follow; any thread may ask."""
        with self._lock:
            if self.part is not None and self.part.has_followers():
                return True
        return self._is_read_elsewhere()

    def close(self) -> None:
        """Close the part file; followers that have not read its end start anew or abort."""
        with self._lock:
            part, self.part = self.part, None
            if part is not None:
                part.close()


def lead(stream: SharedStream, writer: PartFileWriter, task: SynthesisTask) -> Iterator[bool]:
    """Synthesize into the stream and store the audio, unless it fails or all subscribers leave before its end.

    Yield after each chunk whether other processes follow.
    """
    try:
        synthesis = task.start()
        with closing(synthesis):
            stream.is_new = not (synthesis.is_cached or synthesis.is_remote)
            stream.created, stream.is_cached, stream.spec = synthesis.created, synthesis.is_cached, synthesis.spec
            for chunk in filter(None, synthesis.chunks):
                if stream.cancel_if_unused(writer.has_followers):
                    return
                stream.chunks.append(chunk)
                # Other processes first: the subscribers that are woken take the interpreter's lock from this thread.
                is_followed = writer.add_chunk(stream)
                stream.wake()
                yield is_followed
    except StreamLost:
        # The machine that called the provider is gone: subscribers without a byte start anew.
        return
    except Exception as error:  # noqa: BLE001 - the subscribers get it
        _fail(stream, writer, error)
        return
    stream.end(State.WHOLE)
    writer.update(stream)
    if not synthesis.is_cached:
        _store(lambda: task.store(b"".join(stream.chunks)))
    stream.end(State.COMPLETE)
    writer.update(stream, frame(frames.END))


def _fail(stream: SharedStream, writer: PartFileWriter, error: Exception) -> None:
    if stream.state is State.LOST:
        # Cancelled: the error is only how the provider's call ended.
        return
    if isinstance(error, SaynaError) and error.is_callers_own:
        # Followers of a lost stream start anew, each with its own task.
        stream.refusal = error
        return
    if not isinstance(error, SaynaError):
        log.error("a synthesis failed unexpectedly", exc_info=error)
    # Remove the part file before reporting the failure, so that a retry starts a new synthesis.
    payload = frames.dump_error(error)
    writer.update(stream, frame(frames.ERROR, payload))
    writer.close()
    stream.end(State.FAILED, payload)


def follow(stream: SharedStream, part: PartFile) -> Iterator[bool]:
    """Copy the leader's frames into the stream until it ends, its leader dies, or it has no subscriber.

    Yield True before each read, because a thread of its own must read.
    """
    reader = frames.FrameReader()
    started = time.monotonic()
    while stream.state in (State.RUNNING, State.WHOLE) and not stream.cancel_if_unused(lambda: False):
        yield True
        leader_gone = part.leader_gone()
        read = list(reader.feed(part.read()))
        if leader_gone and not (read and read[-1][0] in ENDS):
            # The last frames of a dead leader are dropped, so that more subscribers can start anew.
            return
        for kind, payload in read:
            if kind == frames.BEGIN:
                stream.created, stream.is_cached, stream.spec = frames.load_begin(payload)
            elif kind == frames.DATA:
                stream.append(payload)
            elif kind in ENDS:
                stream.end(ENDS[kind], payload)
        if not read:
            eager = time.monotonic() - started < EAGER_SECONDS
            time.sleep(EAGER_POLL_SECONDS if eager else POLL_SECONDS)


def derive(stream: SharedStream, shared: SharedStream, form: Form) -> None:
    """Make a form of a stream while it arrives and store it; a form that fails leaves the stream as it is."""
    try:
        for chunk in form.chunks(stream.read(), stream.spec, shared.head):
            shared.append(chunk)
    except StreamLost:
        shared.end(stream.state, stream.error)
    except Exception as error:
        if not isinstance(error, SaynaError):
            log.exception("a form of a synthesis failed unexpectedly")
        # The subscribers of the form will leave, but the provider is paid already: see that the stream is stored.
        if stream.enter():
            shared.end(State.FAILED, frames.dump_error(error))
            stream.wait_while(State.RUNNING, State.WHOLE)
            stream.leave()
        else:
            shared.end(stream.state, stream.error)
    else:
        shared.end(State.WHOLE)
        stream.wait_while(State.WHOLE, seconds=STORE_SECONDS)
        _store(
            lambda: form.store(
                bytes(shared.head) + b"".join(shared.chunks), b"".join(stream.chunks), stream.spec, stream.created
            )
        )
        shared.end(State.COMPLETE)
    finally:
        shared.abandon()


def _store(store: Callable[[], None]) -> None:
    try:
        store()
    except Exception:
        log.exception("a finished synthesis could not be stored")
