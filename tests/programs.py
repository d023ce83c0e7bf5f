"""Programs of the machine that tests use."""

import os
import shutil
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / ".tools" / "bin"


def needs(program: str, how_to_get: str) -> str:
    """Return the path of a program in .tools/bin or PATH; skip the test where neither has it."""
    found = shutil.which(program, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is not None:
        return found
    pytest.skip(f"this test needs {program}; get it with: {how_to_get}")
