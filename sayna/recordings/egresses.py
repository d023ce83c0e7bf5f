"""What LiveKit knows of recordings: which run, how each ended, and where its egress writes each.

`owner.json` is a note, not the state: LiveKit is asked until the note has an outcome. LiveKit lists an egress a moment
after its start and forgets it 24 hours after its end. So an egress that LiveKit does not know is over: a young one
after a second look, and one whose id is not noted yet after `grace_seconds`. The audio in the store then tells whether
it was complete.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from sayna.caller import Caller
from sayna.config import RecordingConfig
from sayna.livekit.egress import EgressReport, EgressState
from sayna.log import emit
from sayna.recordings.library import Library
from sayna.recordings.listing import READERS, Recording, RecordingPage
from sayna.recordings.owners import Owner
from sayna.storage import KEY_PART

if TYPE_CHECKING:
    from sayna.livekit.egress import Egress
    from sayna.livekit.events import Event

AUDIO = "audio.ogg"
# Early versions of livekit-server answered a start before they stored the egress (pkg/service/egress.go).
STORING_SECONDS = 0.3
EPOCH = datetime.fromtimestamp(0, UTC)

logger = logging.getLogger("sayna.recordings")


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
        report = self.report(owner)
        if report is not None and report.state is EgressState.ENDING:
            return False
        return self.note(stream_id, owner, report).outcome is None

    def settle(self, stream_id: str, owner: Owner) -> Owner:
        """Return the note with the outcome of a recording that is over; without outcome it may run."""
        if owner.outcome is not None or not owner.room_name:
            return owner
        if owner.egress_id:
            return self.note(stream_id, owner, self.report(owner))
        # The worker died between LiveKit's response and its note.
        report = self._egress.find(owner.room_name, self.path(stream_id))
        return self.note(stream_id, replace(owner, egress_id=report.id) if report else owner, report, before=owner)

    def report(self, owner: Owner) -> EgressReport | None:
        """Return LiveKit's report of a noted egress, or None when LiveKit does not know it, for a young one twice."""
        report = self._egress.state(owner.egress_id or "")
        if report is None and not owner.is_older_than(self._grace_seconds):
            time.sleep(STORING_SECONDS)
            report = self._egress.state(owner.egress_id or "")
        return report

    def note(self, stream_id: str, owner: Owner, report: EgressReport | None, *, before: Owner | None = None) -> Owner:
        """Return the owner after LiveKit's report, written in place of `before` when the recording is over."""
        if report is None and not owner.egress_id and not owner.is_older_than(self._grace_seconds):
            return owner
        if report is not None:
            state = report.state
        else:
            state = EgressState.COMPLETE if self._library.has_audio(stream_id) else EgressState.FAILED
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
        """Note the end of a recording that LiveKit's event egress_ended tells; return its stream_id and tenant.

        None for other events, and for an egress that Sayna has not started.
        """
        report = event.egress if event.name == "egress_ended" else None
        stream_id = self.stream_id(report.filepath) if report else None
        owner = self._library.owners.read(stream_id) if stream_id else None
        if report is None or stream_id is None or owner is None or owner.egress_id != report.id:
            return None
        if owner.outcome is None:
            self.note(stream_id, owner, report)
        return stream_id, owner.auth_id

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
                        yield Recording(name, None, reports[name].started_at or owner.started or EPOCH, owner.room_name)
