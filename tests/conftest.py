"""What holds for every test: its tier, an end on SIGTERM, and no silent skip where CI=true."""

import gc
import importlib.util
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.engines.processes import running_pool

# Some tests load the models in this process; onnxruntime would report that to its vendor.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
FOLDERS = {"tests/e2e/": pytest.mark.e2e, "tests/live/": pytest.mark.live}
# Files that start processes, wait for limits, or hold long tables: half of the time of all tests.
SLOW = (
    "tests/audio/test_convert.py",
    "tests/blueprints/test_clip_tampering.py",
    "tests/blueprints/test_compat_telephony.py",
    "tests/blueprints/test_docs.py",
    "tests/blueprints/test_fallback.py",
    "tests/blueprints/test_livekit_outages.py",
    "tests/blueprints/test_long_text.py",
    "tests/blueprints/test_manual.py",
    "tests/blueprints/test_odd_headers.py",
    "tests/blueprints/test_openapi.py",
    "tests/blueprints/test_openapi_patterns.py",
    "tests/blueprints/test_openapi_whole.py",
    "tests/blueprints/test_own_voices.py",
    "tests/blueprints/test_private_authority.py",
    "tests/blueprints/test_sip_calls.py",
    "tests/blueprints/test_sip_deliveries.py",
    "tests/blueprints/test_sip_events.py",
    "tests/blueprints/test_sip_wait.py",
    "tests/blueprints/test_studio.py",
    "tests/cli/test_backup.py",
    "tests/cli/test_cache.py",
    "tests/cli/test_command.py",
    "tests/cli/test_doctor.py",
    "tests/cli/test_speak.py",
    "tests/config/test_document.py",
    "tests/engines/test_deadlines.py",
    "tests/engines/test_hibari_models.py",
    "tests/engines/test_pool_life.py",
    "tests/providers/piper/",
    "tests/providers/test_audio_labels.py",
    "tests/providers/test_hibari.py",
    "tests/providers/test_new_vendor.py",
    "tests/providers/test_providers_contract.py",
    "tests/recordings/test_endings.py",
    "tests/recordings/test_ownership.py",
    "tests/server/test_error_logger.py",
    "tests/server/test_worker.py",
    "tests/speech/cache/test_processes.py",
    "tests/speech/cache/test_sqlite_errors.py",
    "tests/speech/longtext/test_job.py",
    "tests/speech/longtext/test_split.py",
    "tests/speech/single_flight/test_processes.py",
    "tests/speech/test_masters.py",
    "tests/state/test_database.py",
    "tests/state/test_leader.py",
    "tests/storage/test_gcs_faults.py",
    "tests/storage/test_s3_dialects.py",
    "tests/storage/test_s3_faults.py",
    "tests/storage/test_shared_folder.py",
    "tests/test_bounded_time.py",
)


@pytest.fixture(autouse=True)
def warnings_are_captured(caplog: pytest.LogCaptureFixture) -> None:
    """Capture warnings, also after a test whose application has set LOG_LEVEL higher."""
    caplog.set_level(logging.WARNING)


@pytest.fixture(autouse=True, scope="session")
def hibari_is_left_out() -> None:
    """Make every test independent of whether hibari is installed, but for those with `natural_voice`."""
    sys.modules["hibari"] = None  # type: ignore[assignment]


@pytest.fixture(scope="session")
def engines_folder() -> Iterator[Path]:
    """Return the folder of a pool of engines that all workers of this run share until the last test.

    To load a neural voice takes seconds.
    """
    folder = Path(tempfile.gettempdir(), os.environ.get("PYTEST_XDIST_TESTRUNUID", os.urandom(16).hex()))
    with running_pool(folder):
        yield folder


@pytest.fixture
def natural_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hibari for one test, which is skipped where it is not installed."""
    monkeypatch.delitem(sys.modules, "hibari")
    if importlib.util.find_spec("hibari") is None:
        pytest.skip("this test needs hibari; get it with: scripts/install requirements-neural.txt")


def pytest_configure() -> None:
    """End a run that is told to stop as Ctrl-C does: fixtures stop their programs."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    pytest.exit("terminated", 128 + number)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of tests/e2e, of tests/live and of the slow files."""
    for item in items:
        for folder, mark in FOLDERS.items():
            if item.nodeid.startswith(folder):
                item.add_marker(mark)
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the garbage collector away from the 10,000 collected tests, which stay until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that was skipped where CI=true, unless SKIPS_ALLOWED names its folder or the missing program."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not may_skip(item.nodeid, reason, os.environ.get("SKIPS_ALLOWED", "")):
            report.outcome = "failed"
            report.longrepr = f"skipped, which CI=true forbids: {reason}"
    return report


def may_skip(test: str, reason: str, allowed: str) -> bool:
    """Return whether the words of `allowed`, folders of tests and names of programs, cover this skip."""
    return any(test.startswith(f"{word}/") or f" needs {word};" in reason for word in allowed.split())
