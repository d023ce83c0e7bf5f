"""Watching the helper process from outside."""

import os
import select
from pathlib import Path

from sayna.providers.espeak import Espeak

LONG = "中" * 5000  # 22 minutes of audio, 1.5 s of CPU


def helper_pid(espeak: Espeak) -> int:
    assert espeak.engine.pid
    return espeak.engine.pid


def ends(pid: int, within: float = 1.0) -> bool:
    """Whether a process ends in time; one that this process has reaped already has."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(within * 1000))
    finally:
        os.close(fd)


def cpu_seconds(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
