"""How a recording ended. `owner.json` is a note, not the state: LiveKit is asked until the note has an outcome.

LiveKit lists an egress a moment after its start and forgets it 24 hours after its end. So an egress that LiveKit
does not know is over, unless its note is younger than `grace_seconds`. The audio in the store then tells whether
it was complete.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from sayna.livekit.egress import EgressReport, EgressState
from sayna.log import emit
from sayna.recordings.library import Library
from sayna.recordings.owners import Owner
from sayna.recordings.paths import EgressPaths

if TYPE_CHECKING:
    from sayna.livekit.events import Event

logger = logging.getLogger("sayna.recordings")


class EgressList(Protocol):
    """What LiveKit knows of egresses; sayna.livekit.Egress documents the errors."""

    def state(self, egress_id: str) -> EgressReport | None:
        """Return the state of an egress, or None when LiveKit does not know it."""

    def find(self, room: str, filepath: str) -> EgressReport | None:
        """Return the egress that records the room to this path now."""

    def active(self) -> list[EgressReport]:
        """Return every egress that is not over."""


class Endings:
    """Asks LiveKit for the state of recordings, and notes how each one ended."""

    def __init__(self, library: Library, egress: EgressList, paths: EgressPaths, grace_seconds: float) -> None:
        self._library = library
        self._egress = egress
        self._paths = paths
        self._grace_seconds = grace_seconds

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
        report = self._egress.find(owner.room_name, self._paths.path(stream_id))
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
        report = event.egress if event.name == "egress_ended" and event.egress else None
        stream_id = self._paths.stream_id(report.filepath) if report else None
        owner = self._library.owners.read(stream_id) if stream_id else None
        if report is None or stream_id is None or owner is None or owner.egress_id != report.id:
            return None
        return stream_id, owner.auth_id

    def receive(self, event: "Event") -> None:
        """Note the end that LiveKit's event egress_ended tells; other events and other egresses change nothing."""
        report = event.egress if event.name == "egress_ended" else None
        stream_id = self._paths.stream_id(report.filepath) if report else None
        if report is None or stream_id is None:
            return
        owner = self._library.owners.read(stream_id)
        if owner is not None and owner.egress_id == report.id and owner.outcome is None:
            self.note(stream_id, owner, report)

    def _outcome_in_store(self, stream_id: str) -> EgressState:
        return EgressState.COMPLETE if self._library.has_audio(stream_id) else EgressState.FAILED
