"""Stores, and applications that use them."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blueprints.conftest import make_client
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace, LocalPlace, Place, S3Place, s3_server

__all__ = ["make_client"]

buckets = itertools.count(1)
NewBucket = Callable[[], S3Place]


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One real S3 server for all tests."""
    with s3_server(tmp_path_factory.mktemp("s3")) as port:
        yield port


@pytest.fixture
def gcs() -> Iterator[GCS]:
    """A Google Cloud Storage that fails the test when it is request what Google does not document."""
    gcs = GCS()
    with gcs.wire:
        yield gcs
    assert not gcs.wire.complaints


@pytest.fixture
def local(tmp_path: Path) -> LocalPlace:
    """A folder."""
    return LocalPlace(tmp_path / "recordings")


@pytest.fixture
def gcs_place(gcs: GCS) -> GCSPlace:
    """A bucket of the Google Cloud Storage."""
    return GCSPlace(gcs)


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.e2e), "gcs"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the three stores."""
    if request.param == "local":
        return LocalPlace(request.getfixturevalue("tmp_path") / "recordings")
    if request.param == "gcs":
        return GCSPlace(request.getfixturevalue("gcs"))
    return S3Place(request.getfixturevalue("s3_port"), f"canary-bucket-{next(buckets)}")
