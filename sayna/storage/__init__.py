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


def open_store(config: RecordingConfig, *, attempts: int = 3) -> Store | None:
    """Return the configured store, or None when there is none; the first call of the store connects.

    A call to a store on the network is attempted so often, before its first byte.
    """
    if config.backend == "s3":
        from sayna.storage.s3 import S3Store  # noqa: PLC0415 - load only the store that is configured

        return S3Store(config, attempts)
    if config.backend == "gcs":
        from sayna.storage.gcs import GCSStore  # noqa: PLC0415

        return GCSStore(config, attempts)
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
