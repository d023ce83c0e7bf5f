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


def open_store(config: RecordingConfig, *, attempts: int = 3, seconds: float | None = None) -> Store | None:
    """Return the configured store, or None when there is none; the first call of the store connects.

    A call to a store on the network is attempted so often, before its first byte. `seconds` is the time that S3 has for
    a first byte, or Google for a call; None for that of recordings.
    """
    if config.backend == "s3":
        from sayna.storage.s3 import S3Store  # noqa: PLC0415 - load only the store that is configured

        return S3Store(config, attempts, seconds)
    if config.backend == "gcs":
        from sayna.storage.gcs import GCSStore  # noqa: PLC0415

        return GCSStore(config, attempts, seconds)
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
