"""One synthesis over all threads and processes, also when some of them die."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.speech.single_flight.vendor import Vendor, burst


@pytest.mark.parametrize("pause", [0.0, 0.0, 0.008])
def test_two_hundred_requests_cost_one_call(tmp_path: Path, pause: float) -> None:
    vendor = Vendor(tmp_path)
    by_pid = burst(vendor, processes=4, threads=50, pause=pause)
    answers = [answer for answers in by_pid.values() for answer in answers]
    assert len(vendor.calls()) == 1
    assert len(answers) == 200
    assert {answer[:2] for answer in answers} == {("whole", vendor.audio(1))}
    assert not list((tmp_path / "flights").iterdir())


def test_followers_get_the_first_byte_soon_after_the_leader(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, chunks=4, gap=0.5)
    by_pid = burst(vendor, processes=4, threads=5)
    firsts = sorted(first for answers in by_pid.values() for _, _, first in answers)
    assert firsts[-1] - firsts[0] < 0.25


def test_leaders_error_reaches_all_as_the_same_class(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, fails=True, gap=0.1)
    by_pid = burst(vendor, processes=3, threads=5)
    assert len(vendor.calls()) == 1
    assert {outcome for answers in by_pid.values() for outcome, *_ in answers} == {"limited 7"}


def kill_leader(vendor: Vendor, delay: float) -> None:
    limit = time.monotonic() + 30
    while not vendor.calls() and time.monotonic() < limit:
        time.sleep(0.005)
    time.sleep(delay)
    os.kill(vendor.calls()[0], signal.SIGKILL)


def test_leader_killed_before_a_byte_costs_a_second_call(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, gap=0.4, chunks=3)
    by_pid = burst(vendor, processes=4, threads=20, meanwhile=lambda: kill_leader(vendor, 0.1))
    assert len(vendor.calls()) == 2
    assert len(by_pid) == 3
    assert {answer[:2] for answers in by_pid.values() for answer in answers} == {("whole", vendor.audio(2))}


def test_leader_killed_midway_aborts_subscribers_with_audio(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, gap=0.2, chunks=8)
    by_pid = burst(vendor, processes=4, threads=20, meanwhile=lambda: kill_leader(vendor, 0.9))
    answers = [answer for answers in by_pid.values() for answer in answers]
    assert len(answers) == 60
    assert {outcome for outcome, *_ in answers} == {"aborted"}
    assert all(vendor.audio(1).startswith(audio) for _, audio, _ in answers)
    assert len(vendor.calls()) == 1


def test_late_subscribers_after_a_killed_leader_start_anew(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, gap=0.1, chunks=8)
    by_pid = burst(vendor, processes=4, threads=20, pause=0.05, meanwhile=lambda: kill_leader(vendor, 0.45))
    answers = [answer[:2] for answers in by_pid.values() for answer in answers]
    assert len(vendor.calls()) == 2
    assert len(answers) == 60
    for outcome, audio in answers:
        if outcome == "whole":
            assert audio == vendor.audio(2)
        else:
            assert (outcome, vendor.audio(1).startswith(audio)) == ("aborted", True)
    assert {outcome for outcome, _ in answers} == {"whole", "aborted"}
