"""The stores, as in tests/storage."""

from tests.storage.conftest import gcs, gcs_place, local, make_client, place, s3_port

__all__ = ["gcs", "gcs_place", "local", "make_client", "place", "s3_port"]
