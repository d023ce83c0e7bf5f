"""What holds for every test."""

import signal
from types import FrameType

import pytest


def pytest_configure() -> None:
    """End a run that is told to stop as Ctrl-C does: fixtures stop their programs."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    pytest.exit("terminated", 128 + number)
