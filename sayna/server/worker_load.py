"""How busy each worker is, in memory that all workers share: a full worker leaves connections to the others."""

import mmap
import time

from sayna.config.server import waiting_places

# gunicorn counts its workers; the next one with the same place here comes long after this one is gone.
WORKERS = 256
# Seconds. A worker notes its load at each turn of its loop; an older note is that of a dead or hanging worker.
FRESH = 1.5

# Made when gunicorn loads its worker class, before the first fork.
_memory = memoryview(mmap.mmap(-1, 16 * WORKERS))
_times, _loads = _memory[: 8 * WORKERS].cast("d"), _memory[8 * WORKERS :].cast("q")


class WorkerLoad:
    """The load of one worker beside those of the others.

    Without it, of 200 identical requests at once a worker took up to 90, and had to refuse those for which it had
    no thread while other workers had threads left (measured).
    """

    def __init__(self, age: int, threads: int) -> None:
        self._place = age % WORKERS
        self._threads = threads
        self._waiting_places = waiting_places(threads)

    def may_accept(self, busy: int, fresh: int) -> bool:
        """Note the load of this worker, and return whether it should accept another connection.

        `busy` requests are being served; `fresh` connections have sent none yet and will probably send one each.
        """
        _loads[self._place], _times[self._place] = busy + fresh, time.monotonic()
        if busy + fresh < self._waiting_places:
            return True
        # Where all are as busy, each goes on for cached audio and health until its last thread is busy.
        return busy < self._threads and not self._others_have_room()

    def end(self) -> None:
        """Forget the load of a worker that accepts no more connections."""
        _times[self._place] = 0.0

    def _others_have_room(self) -> bool:
        oldest = time.monotonic() - FRESH
        return any(
            noted > oldest and load < self._waiting_places
            for place, (noted, load) in enumerate(zip(_times, _loads, strict=True))
            if place != self._place
        )
