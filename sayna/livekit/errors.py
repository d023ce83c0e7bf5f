"""What goes wrong with rooms, and how the wire says so.

SaynaError
├── LiveKitNotConfigured          500 LIVEKIT_NOT_CONFIGURED
│   └── WebhookNotConfigured      503
├── LiveKitUnavailable            500 LIVEKIT_UNAVAILABLE
│   └── LiveKitRefused            with the Twirp code that says why
├── RoomNotFound                  404 ROOM_NOT_FOUND
├── RoomAccessDenied              403 ROOM_ACCESS_DENIED
├── ParticipantNotFound           404 PARTICIPANT_NOT_FOUND
├── RemovalFailed                 500 REMOVAL_FAILED
├── MuteFailed                    500 MUTE_FAILED
└── InvalidSignature              401 INVALID_SIGNATURE
"""

from sayna.errors import SaynaError


class LiveKitNotConfigured(SaynaError):
    """This server holds no key and secret of a LiveKit server."""

    code = "LIVEKIT_NOT_CONFIGURED"


class WebhookNotConfigured(LiveKitNotConfigured):
    """The same, told to LiveKit, which then tries again."""

    # After a 5xx LiveKit sends the event again, up to four times.
    status = 503


class LiveKitUnavailable(SaynaError):
    """LiveKit did not answer in time, or not as LiveKit answers."""

    code = "LIVEKIT_UNAVAILABLE"


class LiveKitRefused(LiveKitUnavailable):
    """LiveKit answered that it will not; `twirp_code` says why, and whoever asked decides what that means."""

    def __init__(self, twirp_code: str) -> None:
        super().__init__("LiveKit refuses this")
        self.twirp_code = twirp_code


class RoomNotFound(SaynaError):
    """There is no such room, or none that the caller may know of."""

    status = 404
    code = "ROOM_NOT_FOUND"


class RoomAccessDenied(SaynaError):
    """The room is another tenant's, or nobody's."""

    status = 403
    code = "ROOM_ACCESS_DENIED"


class ParticipantNotFound(SaynaError):
    """There is no such room, participant or track, or none that the caller may know of."""

    status = 404
    code = "PARTICIPANT_NOT_FOUND"


class RemovalFailed(SaynaError):
    """LiveKit does not remove the participant."""

    code = "REMOVAL_FAILED"


class MuteFailed(SaynaError):
    """LiveKit does not mute or unmute the track."""

    code = "MUTE_FAILED"


class InvalidSignature(SaynaError):
    """A webhook that LiveKit did not sign, or not with our key, or not over this body, or not just now."""

    status = 401
    code = "INVALID_SIGNATURE"
