"""Memory of the whole tree: many callers of five-minute clips at once, and a service after a thousand misses."""

import concurrent.futures
import http.client
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import TOKEN, Server, report, request, sayna, vendor

CALLERS, SOUNDS, MISSES, TOGETHER = 50, 20, 1000, 100
SAMPLE_SECONDS = 0.05
# A client reads 1 MB and then waits, so that all answers are under way at the same time.
READ, PAUSE = 2**20, 0.05
FORMS = ("wav", "linear16", "mulaw", "flac", "mp3", "json")


@contextmanager
def peak(server: Server) -> Iterator[list[float]]:
    """Sample the PSS of the tree, in 10^6 bytes, while the block runs; the list holds the peak at its end."""
    done, figures = threading.Event(), [0.0]

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            figures[0] = max(figures[0], _pss(server))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield figures
    finally:
        done.set()
        sampler.join()


def _pss(server: Server) -> float:
    try:
        return server.pss_megabytes()
    except OSError:
        return 0.0  # a process of the tree ended meanwhile


def body(number: int, form: str) -> bytes:
    """Return a request for five minutes of speech."""
    wanted: dict[str, object] = {"text": f"five minutes {number}", "provider": "deepgram"}
    wanted |= {"audio_format": "linear16" if form == "json" else form}
    return request("/speak", wanted, "application/json" if form == "json" else "*/*")


def read(port: int, payload: bytes, pause: float = PAUSE) -> int:
    """Return the bytes of one answer, read slowly; asks again when the server is full, raises RuntimeError else."""
    while (size := _read(port, payload, pause)) == 0:
        time.sleep(1)
    return size


def _read(port: int, payload: bytes, pause: float) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=300) as sock:
        sock.sendall(payload)
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        size = 0
        while chunk := answer.read(READ):
            size += len(chunk)
            time.sleep(pause)
        if answer.status == 503:
            return 0
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} instead of the audio")
    return size


def together(tasks: list[Callable[[], int]], most: int) -> list[int]:
    """Return what the tasks return, `most` of them at a time."""
    with concurrent.futures.ThreadPoolExecutor(most) as pool:
        return [each.result() for each in [pool.submit(task) for task in tasks]]


def derive(ours: Server, form: str, sounds: int) -> float:
    """Return the peak of 50 callers who want a form of masters that are in the cache."""
    payloads = [body(number % sounds, form) for number in range(CALLERS)]
    with peak(ours) as figures:
        sizes = together([lambda p=payload: read(ours.port, p) for payload in payloads], CALLERS)  # type: ignore[misc]
    if min(sizes) < 100_000:
        raise RuntimeError(f"an answer has only {min(sizes)} bytes")
    return figures[0]


def voices(port: int) -> int:
    """Return the size of GET /voices."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/voices", headers={"Authorization": f"Bearer {TOKEN}"})
    return len(connection.getresponse().read())


def misses(slow: Server) -> None:
    """Print what four workers weigh after a thousand misses, and after their memory was trimmed."""
    with sayna(slow.port) as ours:
        payloads = [
            request("/speak", {"text": f"quick miss {number}", "provider": "deepgram", "audio_format": "linear16"})
            for number in range(MISSES)
        ]
        with peak(ours) as figures:
            together([lambda p=payload: read(ours.port, p, 0) for payload in payloads], TOGETHER)  # type: ignore[misc]
            voices(ours.port)
        print(f"    peak {figures[0]:.0f} MB, at once after {ours.pss_megabytes():.0f} MB")
        time.sleep(25)
        after = ours.pss_megabytes()
        report("four workers after 1,000 misses and GET /voices, PSS in MB", after, "<= 140", after <= 140)


def natural() -> None:
    """Print what four workers and the engine processes weigh before hibari has spoken, and 30 s after ten sentences."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        sayna(TMPDIR=folder, HIBARI_ENABLED="true") as ours,
    ):
        time.sleep(4)
        before = ours.pss_megabytes()
        report("four workers before the natural voice has spoken, PSS in MB", before, "<= 80", before <= 80)
        for number in range(10):
            wanted: dict[str, object] = {"text": f"Sentence {number} is said in English.", "provider": "hibari"}
            read(ours.port, request("/speak", wanted, "*/*"), 0)
        time.sleep(30)
        # The engine processes leave the tree of the worker that starts them; their folder tells who holds them.
        holders = [int(file.read_text()) for file in Path(folder).glob("sayna-*/pid")]
        if not holders:
            raise RuntimeError("no engine process runs")
        after = ours.pss_megabytes(*holders)
        report("the same and the engines, 30 s after ten sentences, PSS in MB", after, "<= 160", after <= 160)


def clips(slow: Server, forms: list[str]) -> None:
    """Print the peaks of 50 callers, of the same sentence and of 20 different ones."""
    for form in forms:
        with sayna(slow.port) as ours:
            for number in range(SOUNDS):
                read(ours.port, body(number, "linear16"), 0)
            ours.rest()
            for sounds in (1, SOUNDS):
                most = derive(ours, form, sounds)
                name = f"50 callers of five minutes, {form}, {sounds} sounds: peak PSS in MB"
                report(name, most, "<= 400", most <= 400)


def main() -> None:
    """Print both, or one: `python -m bench.memory misses`, `python -m bench.memory wav`."""
    chosen = sys.argv[1:] or ["natural", "misses", *FORMS]
    if "natural" in chosen:
        natural()
    with vendor() as slow:
        if "misses" in chosen:
            misses(slow)
        clips(slow, [form for form in FORMS if form in chosen])


if __name__ == "__main__":
    main()
