"""A vendor that counts its calls in a file, and processes that call it at the same time."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sayna.errors import ProviderRateLimited
from sayna.speech.single_flight import SingleFlight, StreamAborted, Synthesis, SynthesisTask

CHUNK_BYTES = 3000
SPAWN = multiprocessing.get_context("spawn")


class Vendor(SynthesisTask):
    """Sends `chunks` chunks, `gap` seconds apart, other ones in every call; stores them beside the count."""

    def __init__(self, folder: Path, *, chunks: int = 10, gap: float = 0.02, fails: bool = False) -> None:
        self.folder = folder
        self.chunks = chunks
        self.gap = gap
        self.fails = fails

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

    def audio(self, call: int) -> bytes:
        return b"".join(self._chunk(call, number) for number in range(self.chunks))

    def _speak(self, call: int) -> Iterator[bytes]:
        for number in range(self.chunks):
            time.sleep(self.gap)
            yield self._chunk(call, number)
        if self.fails:
            raise ProviderRateLimited("Too many.", retry_after=7)

    def _chunk(self, call: int, number: int) -> bytes:
        return bytes([call, number, 7]) * (CHUNK_BYTES // 3)

    def store(self, audio: bytes) -> None:
        fresh = self.folder / f"stored.{os.getpid()}"
        fresh.write_bytes(audio)
        fresh.rename(self.folder / "stored")


def listen(single_flight: SingleFlight, vendor: Vendor, key: str = "key") -> tuple[str, bytes, float]:
    """Return how one request ended, its audio, and the time of its first byte."""
    received, first = b"", 0.0
    try:
        for chunk in single_flight.join(key, vendor, deadline=30):
            first = first or time.time()
            received += chunk
    except StreamAborted:
        return "aborted", received, first
    except ProviderRateLimited as error:
        return f"limited {error.retry_after}", received, first
    return "whole", received, first


def worker(vendor: Vendor, threads: int, gate: object, results: object, pause: float) -> None:
    single_flight = SingleFlight(vendor.folder / "flights")
    gate.wait()  # type: ignore[attr-defined]

    def request(number: int) -> tuple[str, bytes, float]:
        time.sleep(pause * number)
        return listen(single_flight, vendor)

    with ThreadPoolExecutor(threads) as pool:
        results.put((os.getpid(), list(pool.map(request, range(threads)))))  # type: ignore[attr-defined]
    single_flight.close()


def burst(
    vendor: Vendor,
    *,
    processes: int,
    threads: int,
    pause: float = 0.0,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[int, list[tuple[str, bytes, float]]]:
    """Ask from every thread of every process at once; return the results of each process by its pid."""
    gate, results = SPAWN.Barrier(processes + 1), SPAWN.SimpleQueue()
    started = [SPAWN.Process(target=worker, args=(vendor, threads, gate, results, pause)) for _ in range(processes)]
    for process in started:
        process.start()
    gate.wait(60)
    meanwhile()
    results_by_pid: dict[int, list[tuple[str, bytes, float]]] = {}
    reader = threading.Thread(
        target=lambda: [results_by_pid.update([results.get()]) for _ in range(processes)], daemon=True
    )
    reader.start()
    for process in started:
        process.join(60)
        process.close()
    reader.join(0.5)
    return results_by_pid
