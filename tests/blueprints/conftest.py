"""An application per test, with a cache folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from sayna.config import load_config
from sayna.engines.pool import EnginePool
from sayna.providers.local import LocalProvider
from tests.blueprints.rooms import AUTH
from tests.sip.inbound import SETTINGS, Target
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import FakeLiveKit

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(tmp_path: Path, engines_folder: Path) -> Iterator[MakeClient]:
    """Return a maker of test clients; settings are given as keywords."""
    made = []

    def make(**settings: str) -> FlaskClient:
        environ = {"CACHE_PATH": str(tmp_path / "cache"), "LOG_FORMAT": "json", **settings}
        app = create_app(load_config(environ))
        services = app.extensions["sayna"]
        pool = EnginePool(engines_folder)
        for provider in services.providers.values():
            if isinstance(provider, LocalProvider):
                provider.pool = pool
        made.append(services)
        return app.test_client()

    yield make
    for services in made:
        services.close()


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """Return a client of an application with nothing but defaults."""
    return make_client()


@pytest.fixture
def livekit() -> Iterator[FakeLiveKit]:
    """Return a fake LiveKit that fails the test when the real one would refuse what it was asked."""
    with FakeLiveKit() as fake:
        yield fake
    assert not fake.complaints


@pytest.fixture
def open_client(livekit: FakeLiveKit, make_client: MakeClient) -> Iterator[FlaskClient]:
    """Return a client of an application that asks nobody who they are."""
    client = make_client(**livekit.settings)
    yield client
    client.application.extensions["sayna"].close()


@pytest.fixture
def tenants(livekit: FakeLiveKit, make_client: MakeClient) -> Iterator[FlaskClient]:
    """Return a client of an application that knows the tenants a and b."""
    client = make_client(**livekit.settings, **AUTH)
    yield client
    client.application.extensions["sayna"].close()


@pytest.fixture
def telephones() -> Iterator[FakeSipClient]:
    """Return a fake LiveKit with telephones, as strict as the one without."""
    with FakeSipClient() as fake:
        yield fake
    assert not fake.complaints


@pytest.fixture
def target() -> Iterator[Target]:
    """Return a hook that accepts every event."""
    with Target() as target:
        yield target


@pytest.fixture
def inbound(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    """Return a maker of clients of an application with inbound calls and hooks."""
    return lambda **settings: make_client(**telephones.settings, **SETTINGS, **settings)
