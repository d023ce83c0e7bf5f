"""What LiveKit knows of recordings: which run, how each ended, and where its egress writes each.

`owner.json` is a note, not the state: LiveKit is asked until the note has an outcome. LiveKit lists an egress a moment
after its start and forgets it 24 hours after its end. So an egress that LiveKit does not know is over, unless its note
is younger than `grace_seconds`. The audio in the store then tells whether it was complete.
"""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.errors import SaynaError
from sayna.livekit.egress import EgressReport, EgressState
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.log import emit
from sayna.recordings.errors import RecordingActive, RecordingNotFound
from sayna.recordings.library import Library, check_stream_id
from sayna.recordings.listing import READERS, Recording, RecordingPage
from sayna.recordings.owners import UNKNOWN_TENANT, Owner
from sayna.storage import KEY_PART, StorageUnavailable

if TYPE_CHECKING:
    from sayna.livekit.egress import Egress
    from sayna.livekit.events import Event


AUDIO = "audio.ogg"
EPOCH = datetime.fromtimestamp(0, UTC)

logger = logging.getLogger("sayna.recordings")

SWEEP_INTERVAL = 86_400.0  # seconds
RETRY_INTERVAL = 3600.0  # seconds


class Egresses:
    """Asks LiveKit for the state of recordings, notes how each one ended, and knows the paths of their audio.

    Its methods raise StorageUnavailable and the errors of LiveKit.
    """

    def __init__(self, library: Library, egress: "Egress", config: RecordingConfig, grace_seconds: float) -> None:
        self._library = library
        self._egress = egress
        self._grace_seconds = grace_seconds
        folder = f"{config.local_path.absolute()}/" if config.backend == "local" and config.local_path else ""
        self._base = f"{folder}{config.prefix}/" if config.prefix else folder

    def path(self, stream_id: str) -> str:
        """Return the path that the egress of a recording gets for the audio."""
        return f"{self._base}{stream_id}/{AUDIO}"

    def stream_id(self, path: str) -> str | None:
        """Return the stream_id of a path, or None for a path that Sayna never gives to an egress."""
        name, _, file = path.removeprefix(self._base).partition("/")
        belongs = path.startswith(self._base) and file == AUDIO and KEY_PART.fullmatch(name)
        return name if belongs else None

    def is_running(self, stream_id: str, owner: Owner) -> bool:
        """Return whether the recording runs; LiveKit is asked, and an end is noted."""
        report = self._egress.state(owner.egress_id or "")
        if report is not None and report.state is EgressState.ENDING:
            return False
        return self.note(stream_id, owner, report).outcome is None

    def settle(self, stream_id: str, owner: Owner) -> Owner:
        """Return the note with the outcome of a recording that is over; without outcome it may run."""
        if owner.outcome is not None or not owner.room_name:
            return owner
        if owner.egress_id:
            return self.note(stream_id, owner, self._egress.state(owner.egress_id))
        # The worker died between LiveKit's response and its note.
        report = self._egress.find(owner.room_name, self.path(stream_id))
        return self.note(stream_id, replace(owner, egress_id=report.id) if report else owner, report, before=owner)

    def note(self, stream_id: str, owner: Owner, report: EgressReport | None, *, before: Owner | None = None) -> Owner:
        """Return the owner after LiveKit's report, written in place of `before` when the recording is over."""
        if report is None and not owner.is_older_than(self._grace_seconds):
            return owner
        state = report.state if report else self._outcome_in_store(stream_id)
        if not state.is_over:
            return owner
        ended = (report.ended_at if report else None) or datetime.now(UTC)
        noted = replace(owner, outcome=state.value, ended_at=ended.isoformat(timespec="seconds"))
        # When another worker was faster, its note has the same outcome.
        self._library.owners.replace(stream_id, before or owner, noted)
        fault = {"error": report.error} if report and report.error else {}
        level = logging.INFO if state is EgressState.COMPLETE else logging.WARNING
        emit(logger, level, "recording_ended", stream_id=stream_id, outcome=state.value, **fault)
        return noted

    def ended(self, event: "Event") -> tuple[str, str | None] | None:
        """Return stream_id and tenant of the recording that the event egress_ended is about, or None."""
        found = self._of(event)
        return (found[0], found[1].auth_id) if found else None

    def receive(self, event: "Event") -> None:
        """Note the end that LiveKit's event egress_ended tells; other events and other egresses change nothing."""
        if (found := self._of(event)) and found[1].outcome is None:
            self.note(*found)

    def _of(self, event: "Event") -> tuple[str, Owner, EgressReport] | None:
        """Return the recording that the event egress_ended is about."""
        report = event.egress if event.name == "egress_ended" else None
        stream_id = self.stream_id(report.filepath) if report else None
        owner = self._library.owners.read(stream_id) if stream_id else None
        if report is None or stream_id is None or owner is None or owner.egress_id != report.id:
            return None
        return stream_id, owner, report

    def _outcome_in_store(self, stream_id: str) -> EgressState:
        return EgressState.COMPLETE if self._library.has_audio(stream_id) else EgressState.FAILED

    def page(self, caller: Caller, limit: int, cursor: str | None) -> RecordingPage:
        """Return at most `limit` running recordings of the caller, by stream_id; raises InvalidRequest."""
        after = self._library.cursors.open(cursor) if cursor else ""
        named = ((self.stream_id(report.filepath), report) for report in self._egress.active())
        reports = {name: each for name, each in named if name and name > after and each.state is EgressState.RUNNING}
        found = list(islice(self._visible(caller, reports), limit + 1))
        more = len(found) > limit
        return RecordingPage(found[:limit], self._library.cursors.seal(found[limit - 1].stream_id) if more else None)

    def _visible(self, caller: Caller, reports: dict[str, EgressReport]) -> Iterator[Recording]:
        names = sorted(reports)
        with ThreadPoolExecutor(READERS) as pool:
            for first in range(0, len(names), READERS):
                batch = names[first : first + READERS]
                for name, owner in zip(batch, pool.map(self._library.owners.read, batch), strict=True):
                    # LiveKit also lists what other servers record, into stores of their own.
                    if owner and owner.egress_id == reports[name].id and self._library.allows(caller, owner):
                        yield _line(name, owner, reports[name])


def _line(stream_id: str, owner: Owner, report: EgressReport) -> Recording:
    return Recording(stream_id, None, report.started_at or owner.started or EPOCH, owner.room_name)


class Remover:
    """Removes recordings that are over; `egresses` is None where LiveKit is not configured."""

    def __init__(self, library: Library, egresses: Egresses | None) -> None:
        self._library = library
        self._egresses = egresses

    def purge(self, caller: Caller, stream_id: str) -> None:
        """Remove a recording of the caller.

        Raises InvalidStreamId, RecordingNotFound, RecordingActive, StorageUnavailable and the errors of LiveKit.
        """
        owner = self._library.owners.read(check_stream_id(stream_id))
        # A tenant may read a recording without an owner, but not remove it.
        if not caller.may_access(owner.auth_id if owner else None):
            raise RecordingNotFound
        if owner is None and not self._library.has_audio(stream_id):
            raise RecordingNotFound
        if owner is not None:
            owner = self.settled(stream_id, owner)
            if owner.outcome is None and owner.room_name:
                raise RecordingActive("this recording runs; stop it first")
        self.remove(stream_id, owner, reason="purge")

    def settled(self, stream_id: str, owner: Owner) -> Owner:
        """Return the owner with the outcome of a recording that is over; raises LiveKitNotConfigured."""
        if owner.outcome is not None or not owner.room_name:
            return owner
        if self._egresses is None:
            raise LiveKitNotConfigured("LiveKit is not configured, so this server cannot tell whether it is over")
        return self._egresses.settle(stream_id, owner)

    def remove(self, stream_id: str, owner: Owner | None, *, reason: str) -> None:
        """Remove the recording of this owner; raises StorageUnavailable, also when its note has just changed."""
        files = ["audio.ogg"]
        if owner is not None:
            # The note changes first, so of several requests one removes, and a new recording is never removed.
            claimed = replace(owner, removed_at=datetime.now(UTC).isoformat())
            if not self._library.owners.replace(stream_id, owner, claimed):
                raise StorageUnavailable("another request is changing this recording; try again", retry_after=1)
            manifest = f"{owner.egress_id}.json"
            # The owner goes last: without it, audio that is left would belong to every tenant.
            files += [manifest] * bool(KEY_PART.fullmatch(manifest)) + ["owner.json"]
        for name in files:
            self._library.delete(stream_id, name)
        emit(logger, logging.INFO, "recording_removed", stream_id=stream_id, reason=reason)


class RetentionSweeper:
    """Removes recordings that Sayna started, that are over, and whose audio is older than `days`.

    Audio without `owner.json` stays, because Sayna did not record it. A recording without audio counts from
    the last change of its `owner.json`.
    """

    def __init__(self, library: Library, remover: Remover, days: int) -> None:
        self._library = library
        self._remover = remover
        self._days = days

    def run(self, stop: threading.Event) -> None:
        """Sweep once a day until `stop` is set; after a failure of the store, sweep again in an hour."""
        while not stop.is_set():
            try:
                self.sweep(stop)
                stop.wait(SWEEP_INTERVAL)
            except SaynaError as error:
                emit(logger, logging.WARNING, "recordings_not_swept", fault=type(error).__name__)
                stop.wait(RETRY_INTERVAL)

    def sweep(self, stop: threading.Event) -> int:
        """Return how many recordings were removed; raises StorageUnavailable when the store cannot be listed."""
        oldest = datetime.now(UTC) - timedelta(days=self._days)
        removed = failed = 0
        for stream_id, files in self._library.folders():
            if stop.is_set():
                break
            dated = files.get("audio.ogg") or files.get("owner.json")
            if dated is None or "owner.json" not in files or dated.modified > oldest:
                continue
            try:
                removed += self._removed(stream_id)
            except SaynaError:
                # One recording that cannot be removed must not keep all others.
                failed += 1
        emit(logger, logging.INFO, "recordings_swept", removed=removed, failed=failed)
        return removed

    def _removed(self, stream_id: str) -> bool:
        owner = self._library.owners.read(stream_id)
        if owner is None or owner.auth_id == UNKNOWN_TENANT or not owner.room_name:
            return False
        owner = self._remover.settled(stream_id, owner)
        if owner.outcome is None:
            return False
        self._remover.remove(stream_id, owner, reason="retention")
        return True
