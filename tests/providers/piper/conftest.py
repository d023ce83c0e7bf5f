"""A Piper with one tiny voice."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.providers.piper import Piper
from tests.providers.piper.voices import install


@pytest.fixture(autouse=True)
def extra() -> None:
    """Skip where the extra is not installed."""
    if importlib.util.find_spec("piper") is None:
        pytest.skip("this test needs Piper; get it with: pip install -r requirements-piper.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the voice en_US-tiny-low."""
    install(tmp_path / "piper")
    return tmp_path / "piper"


@pytest.fixture
def piper(folder: Path) -> Iterator[Piper]:
    provider = Piper(load_config({"PIPER_VOICES_PATH": str(folder)}).providers.piper)
    yield provider
    provider.close()
