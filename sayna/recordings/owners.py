"""The owner of each recording: `owner.json` beside the audio."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from sayna.storage import Store

# Sayna writes eight short strings; a larger file is not from Sayna.
MAX_OWNER_BYTES = 4096
# No tenant has this id, because tenant ids have no control characters.
UNKNOWN_TENANT = "\x00"


@dataclass(frozen=True, slots=True)
class Owner:
    """The content of `owner.json`; without `auth_id` the recording has no owner. Times are ISO 8601 in UTC.

    `outcome` is "complete" or "failed" once the recording is known to be over.
    """

    auth_id: str | None = None
    room_name: str | None = None
    egress_id: str | None = None
    started_at: str | None = None
    stopped_at: str | None = None
    ended_at: str | None = None
    outcome: str | None = None
    removed_at: str | None = None

    def to_json(self) -> bytes:
        """Return the file's content."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None}).encode()

    @property
    def started(self) -> datetime | None:
        """The start as a time with its zone, or None when it is missing or not a time."""
        try:
            time = datetime.fromisoformat(self.started_at or "")
        except ValueError:
            return None
        return time if time.tzinfo else None

    def is_older_than(self, seconds: float) -> bool:
        """Return whether the recording was started longer ago; without a readable start it was."""
        return self.started is None or (datetime.now(UTC) - self.started).total_seconds() > seconds


UNREADABLE = Owner(auth_id=UNKNOWN_TENANT)


def read_owner(content: bytes) -> Owner:
    """Return the owner that a file names; an unreadable file names an owner that no caller is."""
    # Deny when in doubt: a damaged file must not open a recording to every tenant.
    try:
        value = json.loads(content)
        known = {each.name: value.get(each.name) for each in fields(Owner)}
    except (ValueError, AttributeError, RecursionError):
        return UNREADABLE
    return Owner(**known) if all(type(each) in (str, type(None)) for each in known.values()) else UNREADABLE


class OwnerFiles:
    """Reads and writes `owner.json` of the recordings under one prefix; raises StorageUnavailable."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def read(self, stream_id: str) -> Owner | None:
        """Return the owner, or None when there is no file."""
        content = self._store.read(self._key(stream_id), MAX_OWNER_BYTES)
        return None if content is None else read_owner(content)

    def replace(self, stream_id: str, expected: Owner, owner: Owner) -> bool:
        """Write over a file, and return False unless it held `expected`; of concurrent callers one succeeds."""
        info = self._store.find(self._key(stream_id))
        # Read after find(): so the version that is replaced is the one that was read, or nothing is.
        if info is None or self.read(stream_id) != expected:
            return False
        return self._store.write(self._key(stream_id), owner.to_json(), replacing=info)

    def write(self, stream_id: str, owner: Owner, *, if_absent: bool = False) -> bool:
        """Write the file; with `if_absent`, return False when there is one: of concurrent callers one succeeds."""
        return self._store.write(self._key(stream_id), owner.to_json(), if_absent=if_absent)

    def _key(self, stream_id: str) -> str:
        return f"{self._prefix}{stream_id}/owner.json"
