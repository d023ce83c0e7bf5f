"""Metrics for Prometheus, counted by every worker in files that all workers share (docs/metrics.md).

Nothing is imported or counted until `enable` is called. prometheus_client names each file after a process; here the
name is the number of a slot, which one worker holds at a time. A new worker continues the files of an earlier one,
so the number of files is bounded, and no count is lost.
"""

import hashlib
import logging
import os
import tempfile
import threading
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from sayna import __version__
from sayna.errors import SaynaError
from sayna.state.files import lock, open_private

# Bytes of each file, reserved: a write to a page that a full memory file system does not have kills the worker.
FILE_BYTES = 256 * 1024
# Requests of a process that has no worker to write them every half second.
MOST_WAITING = 10_000
KINDS = ("counter", "histogram", "gauge_livesum")
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FIRST_BYTE_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10)
NAMES = {
    "requests": ("sayna_requests", "Requests by route and status.", ("route", "status")),
    "speech": ("sayna_speech", "Answers with speech, by x-cache; FAILED for errors.", ("provider", "outcome")),
    "characters": ("sayna_characters", "Characters that were billed or saved.", ("provider", "kind")),
    "vendor_errors": ("sayna_vendor_errors", "Failed calls of providers.", ("provider", "code")),
    "deliveries": ("sayna_deliveries", "Events for hooks: delivered, failed (tried again), dropped.", ("outcome",)),
}

# Route, status, provider, outcome.
_Key = tuple[str, int, str, str]

logger = logging.getLogger("sayna.metrics")


class MetricsForbidden(SaynaError, status=403, code="METRICS_FORBIDDEN"):
    """The metrics are for programs on this machine, unless METRICS_TOKEN is set."""


class Meters:
    """The metrics of this process, in the slot of `folder` that it holds until it ends. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        # 80 ms and 14 MB, for servers that are watched only (measured).
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values  # noqa: PLC0415

        slot, self.lock_file = _claim(folder)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        # Documented in the library's README, "Multiprocess Mode".
        values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
        own: CollectorRegistry = CollectorRegistry()
        self._counters = {key: Counter(*about, registry=own) for key, about in NAMES.items()}
        about = ("sayna_request_seconds", "Duration of requests, to their last byte.", ("route",))
        self._seconds = Histogram(*about, buckets=REQUEST_BUCKETS, registry=own)
        about = ("sayna_first_byte_seconds", "Time to a provider's first audio.", ("provider",))
        self._first_byte = Histogram(*about, buckets=FIRST_BYTE_BUCKETS, registry=own)
        self.renderings = Gauge("sayna_renderings", "Syntheses under way.", multiprocess_mode="livesum", registry=own)
        self._requests: deque[tuple[_Key, float]] = deque()

    def count(self, name: str, amount: float, *labels: str) -> None:
        """Add to a counter of NAMES."""
        self._counters[name].labels(*labels).inc(amount)

    def request(self, route: str, status: int, seconds: float, provider: str, outcome: str) -> None:
        """Count a request, and its speech unless `provider` is empty, at the next `flush`."""
        self._requests.append(((route, status, provider, outcome), seconds))
        if len(self._requests) >= MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write the requests since the last time into the files: one by one it would be 6 % of a hit (measured)."""
        requests, buckets = defaultdict[_Key, int](int), defaultdict[tuple[str, int], int](int)
        sums = defaultdict[str, float](float)
        for _ in range(len(self._requests)):
            key, seconds = self._requests.popleft()
            route = key[0]
            requests[key] += 1
            buckets[route, bisect_left(REQUEST_BUCKETS, seconds)] += 1
            sums[route] += seconds
        for (route, status, provider, outcome), number in requests.items():
            self.count("requests", number, route, str(status))
            if provider:
                self.count("speech", number, provider, outcome)
        # What observe() does, for many at once.
        for (route, bucket), number in buckets.items():
            self._seconds.labels(route)._buckets[bucket].inc(number)
        for route, total in sums.items():
            self._seconds.labels(route)._sum.inc(total)

    def time_first_byte(self, provider: str, seconds: float) -> None:
        """Note how long the first audio of a provider took."""
        self._first_byte.labels(provider).observe(seconds)


class _State:
    folder: Path | None = None
    meters: Meters | None = None
    lock = threading.Lock()


def _after_fork() -> None:
    """Let a child claim a slot of its own."""
    _State.lock = threading.Lock()
    if _State.meters is not None:
        # The parent still holds the slot.
        os.close(_State.meters.lock_file)
        _State.meters = None


os.register_at_fork(after_in_child=_after_fork)


def folder_of(*identity: str) -> Path:
    """Return the folder of a server with this identity, the same after a reload and a restart; not made yet."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - files that need no disk; the folder is checked before its use
    parent = shared_memory if shared_memory.is_dir() else Path(tempfile.gettempdir())
    digest = hashlib.sha256("\0".join((__version__, *identity)).encode()).hexdigest()[:16]
    return parent / f"sayna-metrics-{os.geteuid()}-{digest}"


def enable(folder: Path | None) -> None:
    """Count from now on in the files of a folder, None for nowhere; no file is opened before the first count."""
    with _State.lock:
        if folder != _State.folder:
            _State.folder, _State.meters = folder, None


def load_library() -> None:
    """Import prometheus_client if it is needed: before the fork, so that workers share its 14 MB (measured)."""
    if _State.folder is not None:
        import_module("prometheus_client.multiprocess")


def meters() -> Meters | None:
    """Return the metrics of this process, None when nothing is counted."""
    if _State.folder is None or _State.meters is not None:
        return _State.meters
    with _State.lock:
        if _State.meters is None and _State.folder is not None:
            try:
                _State.meters = Meters(_State.folder)
            except OSError as error:
                logger.warning("metrics are off, because %s cannot be used: %s", _State.folder, error)
                _State.folder = None
        return _State.meters


def count(name: str, *labels: str, amount: float = 1) -> None:
    """Add to a counter of NAMES."""
    if (found := meters()) is not None:
        found.count(name, amount, *labels)


def flush() -> None:
    """Write the requests that this process has counted, for whichever worker is asked for them."""
    if _State.meters is not None:
        _State.meters.flush()


def exposition(gauges: Iterable[tuple[str, str, float]] = ()) -> tuple[bytes, str]:
    """Return the metrics of all workers in Prometheus's text format, and its media type.

    `gauges` are names, descriptions and values that are known now, beside the counts. Raises OSError.
    """
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: PLC0415

    if meters() is None or (folder := _State.folder) is None:
        raise OSError("no metrics are counted")
    flush()
    for slot in _free_slots(folder):
        mark_process_dead(slot, str(folder))  # type: ignore[no-untyped-call]

    class Now:
        def collect(self) -> Iterator[GaugeMetricFamily]:
            info = GaugeMetricFamily("sayna_build_info", "The version of Sayna.", labels=["version"])
            info.add_metric([__version__], 1)
            yield info
            for name, description, value in gauges:
                yield GaugeMetricFamily(name, description, value=value)

    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    registry.register(Now())
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def _claim(folder: Path) -> tuple[int, int]:
    """Return the first slot that no process holds, and the descriptor that holds it; raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError("other users may write to it")
    slot = 0
    while (descriptor := _hold(folder / f"{slot}.lock")) is None:
        slot += 1
    for kind in KINDS:
        path, part = folder / f"{kind}_{slot}.db", folder / f"{slot}.part"
        if kind.startswith("gauge") or not path.exists():
            # In one step: a file without its bytes would break GET /metrics of all workers.
            with part.open("wb") as opened:
                os.posix_fallocate(opened.fileno(), 0, FILE_BYTES)
            part.replace(path)
    return slot, descriptor


def _free_slots(folder: Path) -> Iterator[int]:
    """Yield the slots whose worker has ended."""
    for path in folder.glob("*.lock"):
        if (descriptor := _hold(path)) is not None:
            try:
                yield int(path.stem)
            finally:
                os.close(descriptor)


def _hold(path: Path) -> int | None:
    """Return a descriptor that holds a lock file, None when a process holds it."""
    descriptor = open_private(path)
    if lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None
