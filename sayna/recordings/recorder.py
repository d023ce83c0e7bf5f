"""Starting and stopping recordings; `owner.json` is the memory that all workers and machines share.

A worker claims a stream_id by creating its `owner.json`, which only one worker can do. It adds the `egress_id`
once LiveKit records. A claim without `egress_id` belongs to a worker that is starting the recording, or that
died. After STALE_SECONDS another worker replaces the claim, which again only one worker can do. It asks LiveKit
whether the recording runs, and starts it otherwise.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import EgressUnanswered, SaynaError
from sayna.recordings.errors import RecordingExists, RecordingNotFound
from sayna.recordings.library import Library, check_stream_id
from sayna.recordings.owners import Owner
from sayna.storage import StorageUnavailable

STALE_SECONDS = 15.0
POLL_SECONDS = 0.1
# Each takeover starts a new wait, but nginx in front gives up after 75 s.
MAX_TAKEOVERS = 3


class EgressClient(Protocol):
    """LiveKit's egress service; sayna.livekit.Egress documents the errors."""

    def check_room(self, caller: Caller, name: str) -> None:
        """Raise RoomNotFound unless the room is the caller's."""

    def start(self, room: str, filepath: str, place: RecordingConfig) -> str:
        """Start a recording and return its id."""

    def stop(self, egress_id: str) -> None:
        """End a recording."""

    def find(self, room: str, filepath: str) -> str | None:
        """Return the id of the recording that is written to this path now."""


@dataclass(frozen=True, slots=True)
class Session:
    """A recording that was started."""

    stream_id: str
    room_name: str
    egress_id: str


class Recorder:
    """Records rooms into the library's store; `stale_seconds` is how long a claim may stay without egress_id."""

    def __init__(
        self,
        library: Library,
        egress: EgressClient,
        config: RecordingConfig,
        *,
        stale_seconds: float = STALE_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._library = library
        self._owners = library.owners
        self._egress = egress
        self._config = config
        self._stale_seconds = stale_seconds
        self._sleep = sleep

    def start(self, caller: Caller, room_name: str, stream_id: str | None) -> Session:
        """Return the recording of a room, the one that runs already if it has this stream_id.

        Raises InvalidStreamId, RoomNotFound, RecordingNotFound, RecordingExists, and the errors of egress and
        store.
        """
        # Random: without tenants, a client that guesses the stream_id may download the recording.
        stream_id = check_stream_id(secrets.token_hex(16) if stream_id is None else stream_id)
        self._egress.check_room(caller, room_name)
        deadline = time.monotonic() + MAX_TAKEOVERS * self._stale_seconds
        timer = _ClaimTimer(self._stale_seconds)
        while time.monotonic() <= deadline:
            owner = self._owners.read(stream_id)
            is_stale = timer.is_stale(owner)
            if owner is not None:
                session = self._join(caller, room_name, stream_id, owner, is_stale=is_stale)
            elif not is_stale:
                session = self._claim(caller, stream_id, room_name)
            else:
                # It can be neither created nor read: a folder or a link has its name, or the store is inconsistent.
                break
            if session is not None:
                return session
            self._sleep(POLL_SECONDS)
        raise StorageUnavailable("this stream_id can be neither claimed nor read", retry_after=5)

    def stop(self, caller: Caller, stream_id: str) -> Session:
        """End a recording and return it; one that is stopped already is only returned.

        Raises InvalidStreamId, RecordingNotFound, and the errors of egress and store.
        """
        owner = self._owners.read(check_stream_id(stream_id))
        if owner is None or not caller.may_access(owner.auth_id) or not owner.room_name:
            raise RecordingNotFound
        # The egress_id is missing when the process died between LiveKit's response and our write.
        egress_id = owner.egress_id or self._egress.find(owner.room_name, self._path(stream_id))
        if egress_id is None:
            raise RecordingNotFound
        owner = replace(owner, egress_id=egress_id)
        if not owner.stopped_at:
            self._egress.stop(egress_id)
            self._owners.write(stream_id, replace(owner, stopped_at=_now()))
        return _session(stream_id, owner)

    def _claim(self, caller: Caller, stream_id: str, room_name: str) -> Session | None:
        """Start the recording under a new stream_id, or return None when another worker has just claimed it."""
        # Audio without an owner: made before Sayna kept owners. The egress would overwrite it.
        if self._library.has_audio(stream_id):
            raise RecordingExists("there is a recording with this stream_id; choose another")
        claim = Owner(auth_id=caller.tenant, room_name=room_name, started_at=_now())
        return self._begin(stream_id, claim) if self._owners.create(stream_id, claim) else None

    def _join(self, caller: Caller, room_name: str, stream_id: str, owner: Owner, *, is_stale: bool) -> Session | None:
        """Return the recording of an existing claim, or None while another worker is starting it."""
        if not caller.may_access(owner.auth_id):
            raise RecordingNotFound
        if owner.stopped_at or owner.room_name != room_name:
            raise RecordingExists("this stream_id belongs to a finished recording or to another room; choose another")
        if owner.egress_id:
            return _session(stream_id, owner)
        # Our own clock counts too, because the clock of the machine that wrote the claim may be ahead.
        return self._take_over(stream_id, owner) if is_stale or self._is_old(owner) else None

    def _take_over(self, stream_id: str, dead: Owner) -> Session | None:
        """Start the recording in place of a stale claim, or return None when another worker was faster.

        The claim is replaced first, because LiveKit lists a recording a moment after its start: two workers
        that both asked LiveKit would both start one.
        """
        claim = replace(dead, started_at=_now())
        return self._begin(stream_id, claim) if self._owners.replace(stream_id, dead, claim) else None

    def _begin(self, stream_id: str, claim: Owner) -> Session:
        """Start the egress for our claim; the claim is removed when the egress certainly did not start."""
        try:
            egress_id = self._egress.start(claim.room_name or "", self._path(stream_id), self._config)
        except EgressUnanswered:
            raise
        except SaynaError:
            # While we waited for LiveKit, another worker may have taken the claim over and may record by now.
            if self._owners.read(stream_id) == claim:
                self._owners.delete(stream_id)
            raise
        owner = replace(claim, egress_id=egress_id)
        self._owners.write(stream_id, owner)
        return _session(stream_id, owner)

    def _is_old(self, owner: Owner) -> bool:
        try:
            age = datetime.now(UTC) - datetime.fromisoformat(owner.started_at or "")
        except (TypeError, ValueError):
            return True
        return age.total_seconds() > self._stale_seconds

    def _path(self, stream_id: str) -> str:
        """Return where the egress writes to: a key, or a path on the disk that it shares with Sayna."""
        key = self._library.audio_key(stream_id)
        is_local = self._config.backend == "local" and self._config.local_path
        return str(self._config.local_path.absolute() / key) if is_local and self._config.local_path else key


class _ClaimTimer:
    """Tells when a claim has stayed unchanged for too long, by our own clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._owner: Owner | None = None
        self._since = time.monotonic()

    def is_stale(self, owner: Owner | None) -> bool:
        """Return whether the same owner, or none, was seen for that long; another owner starts the time anew."""
        if owner != self._owner:
            self._owner, self._since = owner, time.monotonic()
        return time.monotonic() - self._since > self._seconds


def _session(stream_id: str, owner: Owner) -> Session:
    return Session(stream_id, owner.room_name or "", owner.egress_id or "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
