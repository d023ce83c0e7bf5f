"""Starting and stopping recordings; `owner.json` is the memory that all workers and machines share.

A stream_id is claimed by creating its `owner.json`, which only one can do; the `egress_id` is added once
LiveKit records. A claim without one is of somebody who is just starting, or who died: after STALE_SECONDS
LiveKit is asked whether it records to that place, and else the recording is started in their stead.
"""

import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from sayna.config import RecordingConfig
from sayna.errors import EgressUnavailable, SaynaError
from sayna.recordings.errors import RecordingExists, RecordingNotFound, RecordingStorageUnavailable
from sayna.recordings.library import Library, check
from sayna.recordings.owner import Owner
from sayna.visitor import Visitor

STALE_SECONDS = 15.0
LOOK_SECONDS = 0.1


class Egress(Protocol):
    """Whoever records; see sayna.livekit.Egress for what its methods raise."""

    def check_room(self, visitor: Visitor, name: str) -> None:
        """Raise RoomNotFound unless the room is the visitor's."""

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

    def __init__(self, library: Library, egress: Egress, config: RecordingConfig) -> None:
        self._library = library
        self._egress = egress
        self._config = config

    def start(self, caller: Visitor, room_name: str, stream_id: str | None) -> Session:
        """Return the recording of a room, the one that runs already if it has this stream_id.

        Raises InvalidStreamId, RoomNotFound, RecordingNotFound, RecordingExists, and what the egress and the
        store raise.
        """
        # Not to be guessed: without tenants, whoever knows the name has the recording.
        stream_id = check(secrets.token_hex(16) if stream_id is None else stream_id)
        self._egress.check_room(caller, room_name)
        limit = time.monotonic() + STALE_SECONDS
        while (owner := self._library.owner(stream_id)) is None:
            # Made by the reference server, or before owners were kept: the egress would write over it.
            if self._library.store.find(self._library.audio_key(stream_id)):
                raise RecordingExists("there is a recording with this stream_id; choose another")
            claim = Owner(auth_id=caller.tenant, room_name=room_name, started_at=_now())
            if self._write(stream_id, claim, fresh=True):
                return self._begin(stream_id, claim)
            # Taken, and not there for us: a folder or a link of that name, or a
            # store that contradicts itself.
            if time.monotonic() > limit:
                raise RecordingStorageUnavailable(
                    "this stream_id can be neither claimed nor read", retry_after=5
                )
            time.sleep(LOOK_SECONDS)
        _check_same(owner, caller, room_name)
        while owner and not owner.egress_id and not _is_stale(owner) and time.monotonic() < limit:
            time.sleep(LOOK_SECONDS)
            owner = self._library.owner(stream_id)
        if owner is None:
            return self.start(caller, room_name, stream_id)
        # Again: whoever gave up the name meanwhile may have left it to another tenant.
        _check_same(owner, caller, room_name)
        return _session(stream_id, owner) if owner.egress_id else self._take_over(stream_id, owner)

    def stop(self, caller: Visitor, stream_id: str) -> Session:
        """End a recording and return it; one that was stopped before is just returned.

        Raises InvalidStreamId, RecordingNotFound, and what the egress and the store raise.
        """
        owner = self._library.owner(check(stream_id))
        if owner is None or not caller.may_touch(owner.auth_id) or not owner.room_name:
            raise RecordingNotFound
        egress_id = owner.egress_id or self._egress.find(owner.room_name, self._path(stream_id))
        if egress_id is None:
            raise RecordingNotFound
        # The id is missing when the process died between LiveKit's answer and our note of it.
        owner = replace(owner, egress_id=egress_id)
        if not owner.stopped_at:
            self._egress.stop(egress_id)
            self._write(stream_id, replace(owner, stopped_at=_now()), fresh=False)
        return _session(stream_id, owner)

    def _begin(self, stream_id: str, claim: Owner) -> Session:
        """Start the egress; the claim is given up unless LiveKit may be recording for all we know."""
        try:
            egress_id = self._egress.start(claim.room_name or "", self._path(stream_id), self._config)
        except SaynaError as error:
            if not (isinstance(error, EgressUnavailable) and error.unanswered):
                self._library.store.delete(self._library.owner_key(stream_id))
            raise
        return self._note(stream_id, replace(claim, egress_id=egress_id))

    def _take_over(self, stream_id: str, owner: Owner) -> Session:
        claim = replace(owner, started_at=_now())
        self._write(stream_id, claim, fresh=False)
        return self._begin(stream_id, claim)

    def _note(self, stream_id: str, owner: Owner) -> Session:
        self._write(stream_id, owner, fresh=False)
        return _session(stream_id, owner)

    def _write(self, stream_id: str, owner: Owner, *, fresh: bool) -> bool:
        return self._library.store.write(self._library.owner_key(stream_id), owner.to_json(), fresh=fresh)

    def _path(self, stream_id: str) -> str:
        """Return where the egress writes to: a key, or a path on the disk that it shares with us."""
        key = self._library.audio_key(stream_id)
        is_local = self._config.backend == "local" and self._config.local_path
        return str(self._config.local_path.absolute() / key) if is_local and self._config.local_path else key


def _check_same(owner: Owner, caller: Visitor, room_name: str) -> None:
    if not caller.may_touch(owner.auth_id):
        raise RecordingNotFound
    if owner.stopped_at or owner.room_name != room_name:
        raise RecordingExists(
            "this stream_id is of a recording that is over or of another room; choose another"
        )


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
