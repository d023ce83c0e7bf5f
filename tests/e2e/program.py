"""A program that a test starts, watches and stops by its own pid."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


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

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program itself, not to its children."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 40) -> int:
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
        family = self.family()
        if not self.exited():
            self.signal(signal.SIGTERM)
        try:
            self.wait()
            until(lambda: not running(family), 5, "its children have ended too")
        finally:
            left = running(family)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self._child.wait()
        assert not left, f"these had to be killed: {left}\n{self.log}"


def until(happens: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something that only a look can tell."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Return the pids of the direct children that still run."""
    everybody = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [child for child in running(everybody) if _stat(child)[1:2] == [str(pid)]]


def running(pids: Sequence[int]) -> list[int]:
    """Return those of the pids that still run; a zombie does not."""
    return [pid for pid in pids if _stat(pid)[:1] not in ([], ["Z"])]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat behind the name: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
