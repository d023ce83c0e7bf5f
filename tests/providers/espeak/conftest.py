"""The embedded engine, ended after each test."""

from collections.abc import Iterator

import pytest

from sayna.providers.espeak import Espeak, EspeakConfig


@pytest.fixture
def espeak() -> Iterator[Espeak]:
    espeak = Espeak(EspeakConfig(enabled=True))
    yield espeak
    espeak.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Espeak]:
    """One engine for all tests of a module that leave it in order."""
    espeak = Espeak(EspeakConfig(enabled=True))
    yield espeak
    espeak.close()
