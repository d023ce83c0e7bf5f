"""What keeps the tiers honest: no skip is silent, and .ci/run installs every program that a test needs."""

import re
from pathlib import Path

import pytest

from tests.conftest import SLOW, may_skip

ROOT = Path(__file__).resolve().parents[1]
CI = (ROOT / ".ci" / "run").read_text("utf-8")
TESTS = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")]
ALLOWED = "livekit-sip asterisk tests/live"


@pytest.mark.parametrize(
    ("test", "reason", "may"),
    [
        ("tests/live/test_vendors.py::test_it", "no credentials of azure here", True),
        ("tests/e2e/test_sip.py::test_it", "Skipped: this test needs asterisk; get it with: make", True),
        ("tests/e2e/test_sip.py::test_it", "Skipped: this test needs nginx; get it with: apt-get install nginx", False),
        ("tests/lively/test_it.py::test_it", "no credentials", False),
    ],
)
def test_only_what_is_named_may_be_skipped(test: str, reason: str, *, may: bool) -> None:
    assert may_skip(test, reason, ALLOWED) == may
    assert not may_skip(test, reason, "")


def test_continuous_integration_installs_what_tests_need() -> None:
    listed = set(re.findall(r"^    ([a-z][\w.-]+) *#", CI, re.MULTILINE))
    commands = [found for text in TESTS for found in re.findall(r'apt-get install ([\w. -]+)"', text)]
    named = {name for command in commands for name in command.split()}

    # These come with every Debian.
    assert named - {"bash", "coreutils", "diffutils"} <= listed


def test_every_package_of_continuous_integration_has_a_reason() -> None:
    packages = CI.partition("debian_packages=(\n")[2].partition("\n)")[0].splitlines()

    assert [line for line in packages if not re.fullmatch(r" +[a-z][\w.-]+ +# \w.+", line)] == []


@pytest.mark.parametrize("slow", SLOW)
def test_every_slow_place_is_there(slow: str) -> None:
    assert (ROOT / slow).exists()
