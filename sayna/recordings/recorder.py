"""Starting and stopping recordings; `owner.json` is the memory that all workers and machines share.

A worker claims a stream_id by creating its `owner.json`, which only one worker can do. It adds the `egress_id`
once LiveKit records. A claim without `egress_id` belongs to a worker that is starting the recording, or that
died. After STALE_SECONDS another worker replaces the claim, which again only one worker can do. It asks LiveKit
whether the recording runs, and starts it otherwise. Whether a recording is over, egresses.py finds out.
"""

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, EgressUnavailable, SaynaError
from sayna.recordings.egresses import Egresses
from sayna.recordings.errors import RecordingExists, RecordingNotFound
from sayna.recordings.library import Library, check_stream_id
from sayna.recordings.owners import Owner
from sayna.storage import StorageUnavailable

if TYPE_CHECKING:
    from sayna.livekit.egress import Egress

STALE_SECONDS = 15.0
POLL_SECONDS = 0.1
# Each takeover starts a new wait, but nginx in front gives up after 75 s.
MAX_TAKEOVERS = 3
TAKEN = "this stream_id belongs to a recording that is over or to another room; choose another"


@dataclass(frozen=True, slots=True)
class Session:
    """A recording that was started; `outcome` is "complete" or "failed" once it is known to be over."""

    stream_id: str
    room_name: str
    egress_id: str
    outcome: str | None = None


@dataclass(frozen=True)
class Recorder:
    """Records rooms into the library's store; `stale_seconds` is how long a claim may stay without egress_id."""

    library: Library
    egress: "Egress"
    config: RecordingConfig
    stale_seconds: float = STALE_SECONDS
    sleep: Callable[[float], object] = time.sleep

    @cached_property
    def egresses(self) -> Egresses:
        """What LiveKit knows of the recordings."""
        return Egresses(self.library, self.egress, self.config, self.stale_seconds)

    def start(self, caller: Caller, room_name: str, stream_id: str | None) -> Session:
        """Return the recording of a room, the one that runs already if it has this stream_id.

        Raises InvalidStreamId, RoomNotFound, RecordingNotFound, RecordingExists, and the errors of egress and
        store. RecordingExists also means that the recording of this stream_id is over.
        """
        # Random: without tenants, a client that guesses the stream_id may download the recording.
        stream_id = check_stream_id(secrets.token_hex(16) if stream_id is None else stream_id)
        self.egress.check_room(caller, room_name)
        if reason := self.library.check().reason:
            raise StorageUnavailable(reason)
        deadline = time.monotonic() + MAX_TAKEOVERS * self.stale_seconds
        seen, since = None, time.monotonic()
        while time.monotonic() <= deadline:
            owner = self.library.owners.read(stream_id)
            if owner != seen:
                seen, since = owner, time.monotonic()
            is_stale = time.monotonic() - since > self.stale_seconds
            if owner is not None:
                session = self._join(caller, room_name, stream_id, owner, is_stale=is_stale)
            elif not is_stale:
                session = self._claim(caller, stream_id, room_name)
            else:
                # It can be neither created nor read: a folder or a link has its name, or the store is inconsistent.
                break
            if session is not None:
                return session
            self.sleep(POLL_SECONDS)
        raise StorageUnavailable("this stream_id can be neither claimed nor read", retry_after=5)

    def stop(self, caller: Caller, stream_id: str) -> Session:
        """End a recording and return it; one that is over is only returned, with its outcome.

        Raises InvalidStreamId, RecordingNotFound, and the errors of egress and store.
        """
        owner = self.library.owners.read(check_stream_id(stream_id))
        if owner is None or not caller.may_access(owner.auth_id) or not owner.room_name:
            raise RecordingNotFound
        if owner.outcome is None:
            owner = self._stopped(stream_id, owner)
        return _session(stream_id, owner)

    def _stopped(self, stream_id: str, owner: Owner) -> Owner:
        """Return the owner of a recording that was stopped now or earlier."""
        if owner.stopped_at:
            # It is stopped in any case; LiveKit only knows the outcome.
            with contextlib.suppress(SaynaError):
                return self.egresses.settle(stream_id, owner)
            return owner
        # The egress_id is missing when the process died between LiveKit's response and our write.
        running = None if owner.egress_id else self.egress.find(owner.room_name or "", self.egresses.path(stream_id))
        egress_id = owner.egress_id or (running.id if running else None)
        if egress_id is None:
            return self._abandoned(stream_id, owner)
        stopped = replace(owner, egress_id=egress_id, stopped_at=_now())
        report = self.egress.stop(egress_id)
        # One that LiveKit has not stored yet is stopped by the next request.
        if report is None and (report := self.egresses.report(stopped)) and not report.state.is_over:
            raise EgressUnavailable("LiveKit does not know this recording yet; try again", retry_after=5)
        self.library.owners.replace(stream_id, owner, stopped)
        return self.egresses.note(stream_id, stopped, report)

    def _abandoned(self, stream_id: str, owner: Owner) -> Owner:
        """Return the owner of a claim whose egress ended before its id was written; raises RecordingNotFound."""
        if not owner.is_older_than(self.stale_seconds) or not self.library.has_audio(stream_id):
            raise RecordingNotFound
        return self.egresses.note(stream_id, owner, None)

    def _claim(self, caller: Caller, stream_id: str, room_name: str) -> Session | None:
        """Start the recording under a new stream_id, or return None when another worker has just claimed it."""
        # Audio without an owner: made before Sayna kept owners. The egress would overwrite it.
        if self.library.has_audio(stream_id):
            raise RecordingExists("there is a recording with this stream_id; choose another")
        claim = Owner(auth_id=caller.tenant, room_name=room_name, started_at=_now())
        return self._begin(stream_id, claim) if self.library.owners.write(stream_id, claim, if_absent=True) else None

    def _join(self, caller: Caller, room_name: str, stream_id: str, owner: Owner, *, is_stale: bool) -> Session | None:
        """Return the recording of an existing claim, or None while another worker is starting it."""
        if not caller.may_access(owner.auth_id):
            raise RecordingNotFound
        if owner.stopped_at or owner.outcome or owner.room_name != room_name:
            raise RecordingExists(TAKEN)
        if owner.egress_id:
            if self.egresses.is_running(stream_id, owner):
                return _session(stream_id, owner)
            raise RecordingExists(TAKEN)
        # Our own clock counts too, because the clock of the machine that wrote the claim may be ahead.
        if not is_stale and not owner.is_older_than(self.stale_seconds):
            return None
        # Its egress has run and ended unnoticed; another one would overwrite the audio.
        if self.library.has_audio(stream_id):
            raise RecordingExists(TAKEN)
        # The claim is replaced first, because LiveKit lists a recording a moment after its start: two workers that
        # both asked LiveKit would both start one. Another worker may be faster.
        claim = replace(owner, started_at=_now())
        return self._begin(stream_id, claim) if self.library.owners.replace(stream_id, owner, claim) else None

    def _begin(self, stream_id: str, claim: Owner) -> Session:
        """Start the egress for our claim; the claim is removed when the egress certainly did not start."""
        try:
            egress_id = self.egress.start(claim.room_name or "", self.egresses.path(stream_id), self.config)
        except EgressUnanswered:
            raise
        except SaynaError:
            # While we waited for LiveKit, another worker may have taken the claim over and may record by now.
            if self.library.owners.read(stream_id) == claim:
                self.library.delete(stream_id, "owner.json")
            raise
        owner = replace(claim, egress_id=egress_id)
        self.library.owners.write(stream_id, owner)
        return _session(stream_id, owner)


def _session(stream_id: str, owner: Owner) -> Session:
    return Session(stream_id, owner.room_name or "", owner.egress_id or "", owner.outcome)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
