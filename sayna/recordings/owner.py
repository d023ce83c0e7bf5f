"""Whose a recording is: `owner.json` beside the audio."""

import json
from dataclasses import asdict, dataclass, fields

from sayna.caller import Caller

# Five short strings; whatever is larger was not written by us.
MAX_OWNER_BYTES = 4096
# No alphabet of tenants has it.
NOBODY_KNOWN = "\x00"


@dataclass(frozen=True, slots=True)
class Owner:
    """What `owner.json` says; without `auth_id` the recording has no owner. Moments are ISO 8601 in UTC."""

    auth_id: str | None = None
    room_name: str | None = None
    egress_id: str | None = None
    started_at: str | None = None
    stopped_at: str | None = None

    def to_json(self) -> bytes:
        """Return the file's content."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None}).encode()

    def allows(self, caller: Caller, *, strict: bool) -> bool:
        """Return whether the caller may have it; `strict` keeps tenants from recordings without owner."""
        return (self.auth_id is None and not strict) or caller.may_access(self.auth_id)


UNREADABLE = Owner(auth_id=NOBODY_KNOWN)


def read_owner(content: bytes | None) -> Owner:
    """Return what a file says; one that cannot be understood names an owner that no caller is."""
    if content is None:
        return Owner()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return UNREADABLE
    # Closed, not open: a damaged file must not give a recording to everybody.
    if type(found) is not dict:
        return UNREADABLE
    known = {each.name: found.get(each.name) for each in fields(Owner)}
    return Owner(**known) if all(type(value) in (str, type(None)) for value in known.values()) else UNREADABLE
