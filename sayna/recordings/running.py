"""The recordings that run now: LiveKit's list, as far as `owner.json` allows the caller to see it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from sayna.caller import Caller
from sayna.livekit.egress import EgressReport, EgressState
from sayna.recordings.endings import EgressList
from sayna.recordings.library import Library
from sayna.recordings.listing import READERS, Recording, RecordingPage
from sayna.recordings.owners import Owner
from sayna.recordings.paths import EgressPaths

EPOCH = datetime.fromtimestamp(0, UTC)


class RunningRecordings:
    """Pages of running recordings; raises StorageUnavailable and the errors of LiveKit."""

    def __init__(self, library: Library, egress: EgressList, paths: EgressPaths) -> None:
        self._library = library
        self._egress = egress
        self._paths = paths

    def page(self, caller: Caller, limit: int, cursor: str | None) -> RecordingPage:
        """Return at most `limit` running recordings of the caller, by stream_id; raises InvalidRequest."""
        after = self._library.cursors.open(cursor) if cursor else ""
        named = ((self._paths.stream_id(report.filepath), report) for report in self._egress.active())
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
