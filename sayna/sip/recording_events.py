"""The end of recordings, for the hooks that ask for it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sayna.config.sip_hook import RECORDING_ENDED
from sayna.livekit.events import Event
from sayna.sip.hook_events import HookEvents

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
        body = {
            "event": RECORDING_ENDED,
            # The members of an inbound call are there and empty, so that the SDKs' receivers read the event.
            "participant": {"name": "", "identity": "", "sid": ""},
            "room": {"name": report.room, "sid": ""},
            **dict.fromkeys(("from_phone_number", "to_phone_number", "room_prefix", "sip_host"), ""),
            "sip_headers": {},
            "stream_id": stream_id,
            "egress_id": report.id,
            "outcome": report.state.value,
        }
        text = json.dumps(body, separators=(",", ":"))
        self.events.send(RECORDING_ENDED, event.id, tenant=tenant, host="", room=report.room, body=text)
