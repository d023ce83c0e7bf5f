"""One synthesis over all threads and processes, also when some of them die."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.program import until
from tests.speech.single_flight.vendor import Vendor, burst


@pytest.mark.parametrize("pause", [0.0, 0.008])
def test_two_hundred_requests_cost_one_call(tmp_path: Path, pause: float) -> None:
    vendor = Vendor(tmp_path)
    by_pid = burst(vendor, processes=4, threads=50, pause=pause)
    answers = [answer for answers in by_pid.values() for answer in answers]
    assert len(vendor.calls()) == 1
    assert len(answers) == 200
    assert set(answers) == {("whole", vendor.audio(1))}
    assert not list((tmp_path / "flights").iterdir())


def test_followers_get_the_first_byte_soon_after_the_leader(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, chunks=2, holds_at=1)
    # All have the first chunk before there is a second one.
    by_pid = burst(vendor, processes=4, threads=5, meanwhile=lambda: go_on_after(vendor, 20))
    assert {answer for answers in by_pid.values() for answer in answers} == {("whole", vendor.audio(1))}


def go_on_after(vendor: Vendor, listeners: int) -> None:
    until(lambda: vendor.listeners() == listeners, 60, "all have the first chunk")
    vendor.go_on()


def test_leaders_error_reaches_all_as_the_same_class(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, fails=True, gap=0.1)
    by_pid = burst(vendor, processes=3, threads=5)
    assert len(vendor.calls()) == 1
    assert {outcome for answers in by_pid.values() for outcome, _ in answers} == {"limited 7"}


def kill_leader(vendor: Vendor, listeners: int) -> None:
    """Kill the process that leads, once so many requests have their first chunk; the vendor goes on then."""
    until(lambda: vendor.calls() and vendor.listeners() == listeners, 60, "the requests listen")
    os.kill(vendor.calls()[0], signal.SIGKILL)
    vendor.go_on()


def test_leader_killed_before_a_byte_costs_a_second_call(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, chunks=3, holds_at=0)
    by_pid = burst(vendor, processes=4, threads=20, meanwhile=lambda: kill_leader(vendor, 0))
    assert len(vendor.calls()) == 2
    assert len(by_pid) == 3
    assert {answer for answers in by_pid.values() for answer in answers} == {("whole", vendor.audio(2))}


def test_leader_killed_midway_aborts_subscribers_with_audio(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, chunks=8, holds_at=4)
    by_pid = burst(vendor, processes=4, threads=20, meanwhile=lambda: kill_leader(vendor, 80))
    answers = [answer for answers in by_pid.values() for answer in answers]
    assert len(answers) == 60
    assert {outcome for outcome, _ in answers} == {"aborted"}
    assert all(vendor.audio(1).startswith(audio) for _, audio in answers)
    assert len(vendor.calls()) == 1


def test_late_subscribers_after_a_killed_leader_start_anew(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, chunks=8, holds_at=4)
    by_pid = burst(vendor, processes=4, threads=20, late=10, meanwhile=lambda: kill_leader(vendor, 40))
    answers = [answer for answers in by_pid.values() for answer in answers]
    assert len(vendor.calls()) == 2
    for outcome, audio in answers:
        if outcome == "whole":
            assert audio == vendor.audio(2)
        else:
            assert (outcome, vendor.audio(1).startswith(audio)) == ("aborted", True)
    assert Counter(outcome for outcome, _ in answers) == {"whole": 30, "aborted": 30}
