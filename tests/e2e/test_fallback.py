"""Voices with several targets on real processes: the first vendor silent, resetting, down, and back again."""

import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.program import until
from tests.e2e.servers import Gunicorn
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake
from tests.wire.server import Answer

WORKERS = 4
SECONDS = 4  # for the first vendor; a worker that is stopped for longer gives it up before it has asked
BROKEN = answers.reset_after(bytes(range(256)) * 100, "audio/l16;rate=24000")
TROUBLES: dict[str, Answer] = {"silent": answers.hang(), "resetting": BROKEN, "down": answers.reset()}
numbers = itertools.count()


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def sayna(server: StartServer, deepgram: DeepgramFake, tmp_path: Path) -> Gunicorn:
    voices = {"reception": [{"provider": "deepgram"}, {"provider": "espeak", "language": "en-US"}]}
    file = tmp_path / "voices.yaml"
    file.write_text(json.dumps(voices))
    program = server(
        VOICES_PATH=str(file),
        DEFAULT_VOICE="reception",
        DEEPGRAM_API_KEY="good",
        DEEPGRAM_BASE_URL=deepgram.url,
        WEB_CONCURRENCY=str(WORKERS),
    )
    program.await_workers(WORKERS)
    return program


def spoke(sayna: Gunicorn) -> tuple[str, str]:
    """Return who spoke a new text, and who did not."""
    answer = sayna.address.speak(f"Text number {next(numbers)}", "application/json", connection_timeout=SECONDS)
    assert answer.status == 200, answer.body
    return answer.headers["x-provider"], answer.headers.get("x-fallback", "")


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_spare_speaks_in_every_worker_until_the_first_vendor_is_back(
    sayna: Gunicorn, deepgram: DeepgramFake, trouble: Answer
) -> None:
    deepgram.then(*[trouble] * 200)

    begun = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        storm = list(pool.map(lambda _: spoke(sayna), range(200)))

    assert set(storm) == {("espeak", "deepgram")}
    # One call opens the breaker for 5 s at least, and then another one is a probe.
    assert 1 <= len(deepgram.hits) <= 1 + (time.monotonic() - begun) // 5
    deepgram.forget()
    until(lambda: spoke(sayna) == ("deepgram", ""), 90, "the first vendor speaks again")


def test_changed_file_counts_in_every_worker(sayna: Gunicorn, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.yaml"
    fresh.write_text("reception:\n  - {provider: espeak, language: en-US}\n")
    fresh.replace(tmp_path / "voices.yaml")

    assert {spoke(sayna) for _ in range(40)} == {("espeak", "")}
