"""A vendor that counts its calls in a file, and processes that call it at the same time."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from sayna.errors import ProviderRateLimited
from sayna.speech.single_flight import SingleFlight, StreamAborted, Synthesis, SynthesisTask
from tests.e2e.program import until

CHUNK_BYTES = 3000
# Each process is forked from one that has imported this file: to import it in each takes 0.3 s of CPU.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


class Vendor(SynthesisTask):
    """Sends `chunks` chunks, `gap` seconds apart, other ones in every call; stores them beside the count.

    Before the chunk `holds_at` it waits until the file `go-on` is there.
    """

    def __init__(
        self, folder: Path, *, chunks: int = 10, gap: float = 0.02, fails: bool = False, holds_at: int | None = None
    ) -> None:
        self.folder = folder
        self.chunks = chunks
        self.gap = gap
        self.fails = fails
        self.holds_at = holds_at

    def start(self) -> Synthesis:
        with contextlib.suppress(FileNotFoundError):
            return Synthesis(iter([(self.folder / "stored").read_bytes()]), is_cached=True)
        with (self.folder / "calls").open("ab", buffering=0) as calls:
            calls.write(b"%08d" % os.getpid())
            call = calls.tell() // 8
        return Synthesis(self._speak(call))

    def cancel(self) -> None:
        """Do nothing: no chunk is waited for long."""

    def calls(self) -> list[int]:
        try:
            data = (self.folder / "calls").read_bytes()
        except FileNotFoundError:
            return []
        return [int(data[start : start + 8]) for start in range(0, len(data), 8)]

    def go_on(self) -> None:
        """End the wait, of every process."""
        (self.folder / "go-on").touch()

    def wait_until_it_goes_on(self) -> None:
        """Wait for `go_on`."""
        until((self.folder / "go-on").exists, 60, "the vendor goes on")

    def note_listener(self) -> None:
        """Count a request that has its first chunk."""
        with (self.folder / "listeners").open("ab", buffering=0) as listeners:
            listeners.write(b".")

    def listeners(self) -> int:
        """Return how many requests have their first chunk."""
        file = self.folder / "listeners"
        return file.stat().st_size if file.exists() else 0

    def audio(self, call: int) -> bytes:
        return b"".join(self._chunk(call, number) for number in range(self.chunks))

    def _speak(self, call: int) -> Iterator[bytes]:
        for number in range(self.chunks):
            time.sleep(self.gap)
            if number == self.holds_at:
                self.wait_until_it_goes_on()
            yield self._chunk(call, number)
        if self.fails:
            raise ProviderRateLimited("Too many.", retry_after=7)

    def _chunk(self, call: int, number: int) -> bytes:
        return bytes([call, number, 7]) * (CHUNK_BYTES // 3)

    def store(self, audio: bytes) -> None:
        fresh = self.folder / f"stored.{os.getpid()}"
        fresh.write_bytes(audio)
        fresh.rename(self.folder / "stored")


def listen(single_flight: SingleFlight, vendor: Vendor, key: str = "key") -> tuple[str, bytes]:
    """Return how one request ended, and its audio."""
    received = b""
    try:
        for chunk in single_flight.join(key, vendor, deadline=60):
            if not received:
                vendor.note_listener()
            received += chunk
    except StreamAborted:
        return "aborted", received
    except ProviderRateLimited as error:
        return f"limited {error.retry_after}", received
    return "whole", received


def worker(vendor: Vendor, threads: int, meeting: tuple[Any, Any], pause: float, late: int) -> None:
    gate, results = meeting
    single_flight = SingleFlight(vendor.folder / "flights")
    gate.wait()

    def request(number: int) -> tuple[str, bytes]:
        time.sleep(pause * number)
        return listen(single_flight, vendor)

    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(request, number) for number in range(threads - late)]
        wait(asked)
        asked += [pool.submit(request, 0) for _ in range(late)]
        results.put((os.getpid(), [each.result() for each in asked]))
    single_flight.close()


def burst(
    vendor: Vendor,
    *,
    processes: int,
    threads: int,
    pause: float = 0.0,
    late: int = 0,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[int, list[tuple[str, bytes]]]:
    """Ask from every thread of every process at once; return the results of each process by its pid.

    So many threads of each process are `late`: they ask when the others have ended.
    """
    gate, results = PROCESSES.Barrier(processes + 1), PROCESSES.SimpleQueue()
    how = (vendor, threads, (gate, results), pause, late)
    started = [PROCESSES.Process(target=worker, args=how) for _ in range(processes)]
    for process in started:
        process.start()
    gate.wait(100)
    meanwhile()
    results_by_pid: dict[int, list[tuple[str, bytes]]] = {}
    reader = threading.Thread(
        target=lambda: [results_by_pid.update([results.get()]) for _ in range(processes)], daemon=True
    )
    reader.start()
    for process in started:
        process.join(60)
    # A process that was killed has none.
    ended = sum(process.exitcode == 0 for process in started)
    until(lambda: len(results_by_pid) == ended, 60, "each process has told its results")
    for process in started:
        process.close()
    return results_by_pid
