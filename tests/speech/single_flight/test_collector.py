"""The garbage collector may close a subscriber in any thread, also in one that holds the writer's lock."""

import gc
import logging
import threading
import weakref
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.speech.single_flight import SingleFlight, Synthesis, SynthesisTask
from sayna.speech.single_flight.part_file import PartFile
from sayna.speech.single_flight.producer import PartFileWriter


class Collecting(PartFile):
    """A part file that runs the garbage collector while the lock is held."""

    def has_followers(self) -> bool:
        gc.collect()
        return super().has_followers()


class Dropped:
    """Asks for followers, like the last subscriber of a stream, when it is collected."""

    def __init__(self, writer: PartFileWriter) -> None:
        self.writer = writer
        self.itself = self

    def __del__(self) -> None:
        self.writer.has_followers()


class Said(SynthesisTask):
    """A task that has one chunk."""

    def start(self) -> Synthesis:
        return Synthesis(iter([b"audio"]))

    def cancel(self) -> None:
        """Do nothing."""

    def store(self, audio: bytes) -> None:
        """Store nothing."""


def test_collected_subscriber_does_not_wait_for_its_own_thread(tmp_path: Path) -> None:
    writer = PartFileWriter(RateLimitedLogger(logging.getLogger(__name__)), lambda: False)
    writer.part = Collecting.open(tmp_path / "key.part")

    def ask() -> None:
        Dropped(writer)
        writer.has_followers()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(30)

    assert not asking.is_alive()
    writer.close()


def test_audio_of_an_ended_stream_needs_no_collector(tmp_path: Path) -> None:
    single_flight = SingleFlight(tmp_path)
    subscriber = single_flight.join("key", Said())
    subscriber.wait()
    held = subscriber._stream
    assert held is not None
    stream = weakref.ref(held)
    del held
    assert list(subscriber) == [b"audio"]
    subscriber.close()
    gc.disable()
    try:
        single_flight.close()
        assert stream() is None
    finally:
        gc.enable()
