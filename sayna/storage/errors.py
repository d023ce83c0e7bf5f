"""The error of every store."""

from sayna.errors import SaynaError


class StorageUnavailable(SaynaError):
    """The store cannot be read or written right now; its own message stays in the server's log."""

    status = 503
    # The contract's code, section 7: what is stored here are the recordings.
    code = "RECORDING_STORAGE_UNAVAILABLE"
