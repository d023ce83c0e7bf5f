"""espeak in a pool of its own, ended after each test."""

from collections.abc import Iterator

import pytest

from sayna.providers.espeak import Espeak, EspeakConfig
from tests.engines.processes import ends, processes


@pytest.fixture
def espeak() -> Iterator[Espeak]:
    espeak = Espeak(EspeakConfig(enabled=True))
    yield espeak
    pids = processes(espeak.pool)
    espeak.close()
    assert all(map(ends, pids))
