"""A program that a test starts, watches and stops by its own pid."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import TracebackType
from typing import Any, Self


class Program:
    """A child whose output goes to `log`; leaving it ends it."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
            )
        self.pid = self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What the program has written so far."""
        return self._log.read_text("utf-8", "replace")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of JSON in its log."""
        return json_lines(self.log)

    def signal(self, number: Signals) -> None:
        """Send a signal to the program itself, not to its children."""
        os.kill(self.pid, number)

    def signal_family(self, number: Signals) -> None:
        """Send a signal to the program and to all that descend from it; some may end before it reaches them."""
        _signal(self.family(), number)

    def wait(self, seconds: float = 60) -> int:
        """Return the exit status, negative when a signal ended the program."""
        return self._child.wait(seconds)

    def exited(self) -> bool:
        """Whether the program has ended."""
        return self._child.poll() is not None

    def family(self) -> list[int]:
        """Return the pids of the program and of all that descend from it."""
        found = [self.pid]
        for pid in found:
            found += children(pid)
        return found

    def stop(self) -> None:
        """End the program gently; fails when it needs force, or leaves a process behind."""
        family = {pid: _born(pid) for pid in self.family()}

        def here() -> list[int]:
            # Another process may have the number of one that has ended.
            return [pid for pid in running(family) if _born(pid) == family[pid]]

        if not self.exited():
            self.signal(SIGTERM)
        try:
            self.wait()
            until(lambda: not here(), 30, "its children have ended too")
        finally:
            left = here()
            _signal(left, SIGKILL)
            self._child.wait()
        assert not left, f"these had to be killed: {left}\n{self.log}"


def json_lines(log: str) -> list[dict[str, Any]]:
    """Return the lines of JSON in a log; a line that has no end yet is still being written."""
    return [json.loads(line) for line in log.split("\n")[:-1] if line.startswith("{")]


def until(happens: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something that only a look can tell; the last look begins after the time is over."""
    deadline = time.monotonic() + seconds
    is_over = False
    while not happens():
        assert not is_over, f"not within {seconds} s: {what}"
        time.sleep(0.02)
        is_over = time.monotonic() > deadline


def children(pid: int) -> list[int]:
    """Return the pids of the direct children that still run."""
    everybody = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [child for child in running(everybody) if _stat(child)[1:2] == [str(pid)]]


def running(pids: Iterable[int]) -> list[int]:
    """Return those of the pids that still run; a zombie does not."""
    return [pid for pid in pids if _stat(pid)[:1] not in ([], ["Z"])]


def _signal(pids: Iterable[int], number: Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _born(pid: int) -> list[str]:
    """Return when a process started, in ticks since the machine did; nothing for a process that has ended."""
    return _stat(pid)[19:20]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat behind the name: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
