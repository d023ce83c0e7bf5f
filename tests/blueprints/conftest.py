"""An application per test, with a cache folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from sayna.config import load_config

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[MakeClient]:
    """Return a maker of test clients; settings are given as keywords."""
    engines = []

    def make(**settings: str) -> FlaskClient:
        environ = {"CACHE_PATH": str(tmp_path / "cache"), "LOG_FORMAT": "json", **settings}
        app = create_app(load_config(environ))
        engines.append(app.extensions["sayna"])
        return app.test_client()

    yield make
    for services in engines:
        services.close()


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """Return a client of an application with nothing but defaults."""
    return make_client()
