"""The stores, as in tests/storage, a LiveKit at the wire, and applications that use both."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.blueprints.conftest import MakeClient
from tests.recordings.test_ownership import AUTH
from tests.recordings.twirp import Twirp
from tests.storage.conftest import gcs, gcs_place, local, make_client, place, s3_port
from tests.storage.places import LocalPlace, Place

__all__ = ["gcs", "gcs_place", "local", "make_client", "place", "s3_port"]


@pytest.fixture
def livekit() -> Iterator[Twirp]:
    """A LiveKit with a room of the tenant a, and one that has no owner."""
    twirp = Twirp()
    twirp.rooms = {"open": "", "room-a": '{"auth_id":"a"}'}
    with twirp.wire:
        yield twirp
    assert not twirp.wire.complaints


@pytest.fixture
def client(local: LocalPlace, livekit: Twirp, make_client: MakeClient) -> FlaskClient:
    """A client without tenants."""
    return make_client(**local.settings, **livekit.settings)


@pytest.fixture
def guarded(local: LocalPlace, livekit: Twirp, make_client: MakeClient) -> FlaskClient:
    """A client of a server with the tenants a and b."""
    return make_client(**local.settings, **livekit.settings, **AUTH)


def owner(place: Place, stream_id: str) -> dict[str, str] | None:
    """Return what `owner.json` holds."""
    content = place.get(f"calls/{stream_id}/owner.json")
    return None if content is None else dict(json.loads(content))
