"""Real stores that machines share."""

from tests.state.conftest import redis_servers
from tests.storage.conftest import gcs, s3_port

__all__ = ["gcs", "redis_servers", "s3_port"]
