"""Objects under keys, in S3, in Google Cloud Storage or in a folder."""

from sayna.config import RecordingConfig
from sayna.storage.base import (
    ByteRange,
    ObjectInfo,
    ObjectLink,
    ObjectStream,
    ObjectSummary,
    StorageUnavailable,
    Store,
    StoreCheck,
)


def open_store(config: RecordingConfig) -> Store | None:
    """Return the configured store, or None when there is none; the first call of the store connects."""
    if config.backend == "s3":
        from sayna.storage.s3 import S3Store  # noqa: PLC0415 - load only the store that is configured

        return S3Store(config)
    if config.backend == "gcs":
        from sayna.storage.gcs import GCSStore  # noqa: PLC0415

        return GCSStore(config)
    if config.local_path and config.backend == "local":
        from sayna.storage.local import LocalStore  # noqa: PLC0415

        return LocalStore(config.local_path, config.prefix)
    return None


__all__ = [
    "ByteRange",
    "ObjectInfo",
    "ObjectLink",
    "ObjectStream",
    "ObjectSummary",
    "StorageUnavailable",
    "Store",
    "StoreCheck",
    "open_store",
]
