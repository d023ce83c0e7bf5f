"""A server that responds as a test tells it."""

from collections.abc import Iterator

import pytest

from tests.wire import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server
