"""The collector may drop a listener anywhere, also where this very thread asks who listens."""

import gc
import logging
import threading
from pathlib import Path

from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.part_file import Part
from sayna.speech.single_flight.producer import PartFileWriter


class Collecting(Part):
    """A part file at which the collector happens to be at work."""

    def has_followers(self) -> bool:
        gc.collect()
        return super().has_followers()


class Dropped:
    """Asks, like the last listener of a flight, whether anybody else follows; alive until it is collected."""

    def __init__(self, tee: PartFileWriter) -> None:
        self.tee = tee
        self.itself = self

    def __del__(self) -> None:
        self.tee.has_followers()


def test_a_listener_dropped_by_the_collector_does_not_wait_for_its_own_thread(tmp_path: Path) -> None:
    tee = PartFileWriter(Collecting.open(tmp_path / "key.part"), RateLimitedLogger(logging.getLogger(__name__)))

    def ask() -> None:
        Dropped(tee)
        tee.has_followers()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)

    assert not asking.is_alive()
    tee.close()
