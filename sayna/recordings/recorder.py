"""Starting and stopping recordings; `owner.json` is the memory that all workers and machines share.

A stream_id is claimed by creating its `owner.json`, which only one can do; the `egress_id` is added once
LiveKit records. A claim without one is of somebody who is just starting, or who died: after STALE_SECONDS
somebody replaces it by a claim of their own, which again only one can do, and asks LiveKit whether it records
to that place; else the recording is started in the dead one's stead.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, SaynaError
from sayna.recordings.base import ObjectInfo
from sayna.recordings.errors import RecordingExists, RecordingNotFound, RecordingStorageUnavailable
from sayna.recordings.library import Library, check
from sayna.recordings.owner import Owner

STALE_SECONDS = 15.0
LOOK_SECONDS = 0.1
# Each claim that changes hands is waited for anew, but nginx in front gives up after 75 s.
MAX_TAKEOVERS = 3


class EgressClient(Protocol):
    """Whoever records; see sayna.livekit.Egress for what its methods raise."""

    def check_room(self, caller: Caller, name: str) -> None:
        """Raise RoomNotFound unless the room is the caller's."""

    def start(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Begin a recording and return its id."""

    def stop(self, egress_id: str) -> None:
        """End a recording."""

    def find(self, room: str, filepath: str) -> str | None:
        """Return the id of the recording that goes to this path now."""


@dataclass(frozen=True, slots=True)
class Session:
    """A recording that was started."""

    stream_id: str
    room_name: str
    egress_id: str


class Recorder:
    """Recordings of rooms into the library's store."""

    def __init__(self, library: Library, egress: EgressClient, config: RecordingConfig) -> None:
        self._library = library
        self._egress = egress
        self._config = config

    def start(self, caller: Caller, room_name: str, stream_id: str | None) -> Session:
        """Return the recording of a room, the one that runs already if it has this stream_id.

        Raises InvalidStreamId, RoomNotFound, RecordingNotFound, RecordingExists, and what the egress and the
        store raise.
        """
        # Not to be guessed: without tenants, whoever knows the name has the recording.
        stream_id = check(secrets.token_hex(16) if stream_id is None else stream_id)
        self._egress.check_room(caller, room_name)
        limit, seen, end = (
            time.monotonic() + STALE_SECONDS,
            None,
            time.monotonic() + MAX_TAKEOVERS * STALE_SECONDS,
        )
        while True:
            if (owner := self._library.owner(stream_id)) != seen:
                limit, seen = time.monotonic() + STALE_SECONDS, owner
            is_late = time.monotonic() > limit
            if owner is None:
                session = self._claim(caller, stream_id, room_name)
            else:
                _check_same(owner, caller, room_name)
                if owner.egress_id:
                    return _session(stream_id, owner)
                # By our own clock too: that of whoever wrote it may be ahead.
                session = self._take_over(stream_id, owner) if is_late or _is_stale(owner) else None
            if session is not None:
                return session
            # Taken, and not there for us: a folder or a link of that name, or a store that contradicts
            # itself. Or one after the other dies over it.
            if (owner is None and is_late) or time.monotonic() > end:
                raise RecordingStorageUnavailable("this stream_id can be neither claimed nor read", retry_after=5)
            time.sleep(LOOK_SECONDS)

    def stop(self, caller: Caller, stream_id: str) -> Session:
        """End a recording and return it; one that was stopped before is just returned.

        Raises InvalidStreamId, RecordingNotFound, and what the egress and the store raise.
        """
        owner = self._library.owner(check(stream_id))
        if owner is None or not caller.may_access(owner.auth_id) or not owner.room_name:
            raise RecordingNotFound
        egress_id = owner.egress_id or self._egress.find(owner.room_name, self._path(stream_id))
        if egress_id is None:
            raise RecordingNotFound
        # The id is missing when the process died between LiveKit's answer and our note of it.
        owner = replace(owner, egress_id=egress_id)
        if not owner.stopped_at:
            self._egress.stop(egress_id)
            self._write(stream_id, replace(owner, stopped_at=_now()))
        return _session(stream_id, owner)

    def _begin(self, stream_id: str, claim: Owner) -> Session:
        """Start the egress; the claim is given up unless LiveKit may be recording for all we know."""
        try:
            egress_id = self._egress.start(claim.room_name or "", self._path(stream_id), self._config)
        except EgressUnanswered:
            raise
        except SaynaError:
            # After a long wait for LiveKit, another request may own the claim and record.
            if self._library.owner(stream_id) == claim:
                self._library.store.delete(self._library.owner_key(stream_id))
            raise
        return self._note(stream_id, replace(claim, egress_id=egress_id))

    def _claim(self, caller: Caller, stream_id: str, room_name: str) -> Session | None:
        """Return the recording started under a new name, or None when somebody else has just claimed it."""
        # Made by the reference server, or before owners were kept: the egress would write over it.
        if self._library.store.find(self._library.audio_key(stream_id)):
            raise RecordingExists("there is a recording with this stream_id; choose another")
        claim = Owner(auth_id=caller.tenant, room_name=room_name, started_at=_now())
        return self._begin(stream_id, claim) if self._write(stream_id, claim, fresh=True) else None

    def _take_over(self, stream_id: str, dead: Owner) -> Session | None:
        """Return the recording started in place of a dead claim, or None when somebody else was quicker.

        LiveKit lists a recording a moment after its start: of two who ask it, both would start one.
        """
        found = self._library.store.find(self._library.owner_key(stream_id))
        # Read after it was found: so it is this very claim that is replaced, or nothing is.
        if found is None or self._library.owner(stream_id) != dead:
            return None
        claim = replace(dead, started_at=_now())
        return self._begin(stream_id, claim) if self._write(stream_id, claim, over=found) else None

    def _note(self, stream_id: str, owner: Owner) -> Session:
        self._write(stream_id, owner)
        return _session(stream_id, owner)

    def _write(self, stream_id: str, owner: Owner, *, fresh: bool = False, over: ObjectInfo | None = None) -> bool:
        key = self._library.owner_key(stream_id)
        return self._library.store.write(key, owner.to_json(), fresh=fresh, over=over)

    def _path(self, stream_id: str) -> str:
        """Return where the egress writes to: a key, or a path on the disk that it shares with us."""
        key = self._library.audio_key(stream_id)
        is_local = self._config.backend == "local" and self._config.local_path
        return str(self._config.local_path.absolute() / key) if is_local and self._config.local_path else key


def _check_same(owner: Owner, caller: Caller, room_name: str) -> None:
    if not caller.may_access(owner.auth_id):
        raise RecordingNotFound
    if owner.stopped_at or owner.room_name != room_name:
        raise RecordingExists("this stream_id is of a recording that is over or of another room; choose another")


def _session(stream_id: str, owner: Owner) -> Session:
    return Session(stream_id, owner.room_name or "", owner.egress_id or "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _is_stale(owner: Owner) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(owner.started_at or "")
    except (TypeError, ValueError):
        return True
    return age.total_seconds() > STALE_SECONDS
