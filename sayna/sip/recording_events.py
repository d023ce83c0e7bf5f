"""The end of recordings, for the hooks that ask for it."""

from collections.abc import Callable
from dataclasses import dataclass

from sayna.config.sip_hook import RECORDING_ENDED
from sayna.livekit.events import Event
from sayna.sip.hook_events import HookEvents, event_body

# The stream_id and the tenant of the recording that an event ends, or None.
EndedRecording = Callable[[Event], tuple[str, str | None] | None]


@dataclass(frozen=True, slots=True)
class RecordingEvents:
    """Receives LiveKit's events and stores one for the tenant of a recording that has ended."""

    events: HookEvents
    ended: EndedRecording

    def __call__(self, event: Event) -> None:
        """Store the end of a recording; raises Overloaded, StoreUnavailable, StorageUnavailable."""
        found = self.ended(event)
        if found is None or event.egress is None:
            return
        stream_id, tenant = found
        report = event.egress
        fields = {"stream_id": stream_id, "egress_id": report.id, "outcome": report.state.value}
        body = event_body(RECORDING_ENDED, report.room, **fields)
        self.events.send(RECORDING_ENDED, event.id, tenant=tenant, host="", room=report.room, body=body)
