"""Programs of the machine that tests use."""

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / ".tools" / "bin"


def needs(program: str, how_to_get: str) -> str:
    """Return the path of a program in .tools/bin or PATH.

    Without it the test is skipped, or fails where CI=true promises it.
    """
    found = shutil.which(program, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is not None:
        return found
    sentence = f"this test needs {program}; get it with: {how_to_get}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
