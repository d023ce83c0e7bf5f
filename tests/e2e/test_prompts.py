"""A list of 412 prompts as a person has it: mistakes first, then killed in the middle, then finished."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.program import until
from tests.e2e.servers import ROOT
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake

PROMPTS = 412
TONE = b"\x00\x20\x00\xe0" * 2400
WORKERS = 4


def prompts(mistakes: int = 0) -> str:
    """Return a list as CSV; so many of its rows have a speed that no voice has."""
    wrong = set(range(10, 10 + 30 * mistakes, 30))
    rows = [f"menu/{n},Prompt number {n} of the menu,{'9' if n in wrong else ''}" for n in range(PROMPTS)]
    return "\n".join(["name,text,speaking_rate", *rows, ""])


def warm(folder: Path, deepgram: DeepgramFake, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command in a folder with this vendor."""
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CACHE_PATH": str(folder / "cache"),
        "LOG_LEVEL": "CRITICAL",
        "DEEPGRAM_API_KEY": "good",
        "DEEPGRAM_BASE_URL": deepgram.url,
    }
    argv = [sys.executable, "-m", "flask", "--app", "wsgi", "warm", "prompts.csv", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=folder, env=settings, stdout=pipe, stderr=pipe, text=True)


def run(folder: Path, deepgram: DeepgramFake, *arguments: str) -> tuple[int, str, str]:
    with warm(folder, deepgram, *arguments) as process:
        output, errors = process.communicate(timeout=100)
    return process.returncode, output, errors


def test_list_of_412_prompts_survives_kill_and_is_paid_once(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    (tmp_path / "cache").mkdir(mode=0o700)
    path.write_text(prompts(mistakes=12))
    with DeepgramFake() as deepgram:
        deepgram.always(answers.whole(TONE, "audio/l16;rate=24000;channels=1"))
        code, _, errors = run(tmp_path, deepgram, "--yes")
        told = [line for line in errors.splitlines() if line.startswith("prompts.csv, line ")]
        assert (code, len(told), len(deepgram.hits)) == (1, 12, 0), errors
        assert told[0].startswith("prompts.csv, line 12: ")

        path.write_text(prompts())
        with warm(tmp_path, deepgram, "--yes", "--out", "out") as process:
            until(lambda: len(deepgram.hits) > PROMPTS // 3, 60, "a third was rendered")
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        paid = len(deepgram.hits)
        assert paid < PROMPTS

        code, output, errors = run(tmp_path, deepgram, "--yes", "--out", "out")
        assert code == 0, errors
        # What the kill has cut was paid for in vain: one prompt of each worker at most.
        assert PROMPTS <= len(deepgram.hits) <= PROMPTS + WORKERS
        assert f"{PROMPTS} prompts, " in output
        assert len(list((tmp_path / "out" / "menu").glob("*.wav"))) == PROMPTS

        _, output, _ = run(tmp_path, deepgram, "--yes", "--out", "out")
        assert output == f"{PROMPTS} prompts, {PROMPTS} known, 0 to render, nothing to pay\n"
