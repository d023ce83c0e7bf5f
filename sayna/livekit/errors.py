"""Errors of rooms, with their status and code on the wire."""

from sayna.errors import SaynaError


class LiveKitNotConfigured(SaynaError):
    """This server has no key and secret of a LiveKit server."""

    code = "LIVEKIT_NOT_CONFIGURED"


class WebhookNotConfigured(LiveKitNotConfigured):
    """The same as an answer to LiveKit, which then sends the event again."""

    # After a 5xx LiveKit sends the event again, up to four times.
    status = 503


class LiveKitUnavailable(SaynaError):
    """LiveKit did not answer in time, or the answer is not LiveKit's.

    `may_have_acted` tells whether the request may have had its effect all the same.
    """

    code = "LIVEKIT_UNAVAILABLE"

    def __init__(self, message: str, *, may_have_acted: bool = True) -> None:
        super().__init__(message)
        self.may_have_acted = may_have_acted

    @property
    def operator_message(self) -> str:
        """The message for logs and commands, which no caller sees."""
        return self.message


class LiveKitRefused(LiveKitUnavailable):
    """LiveKit refused the request; `twirp_code` says why, and the code that sent it decides what that means.

    `detail` is LiveKit's own sentence: for operators, never for a caller. `sip_status` is the status of the far
    end, such as 486, or None.
    """

    def __init__(
        self, twirp_code: str, detail: str = "", sip_status: int | None = None, *, may_have_acted: bool = False
    ) -> None:
        super().__init__("LiveKit refuses this", may_have_acted=may_have_acted)
        self.twirp_code = twirp_code
        self.detail = detail
        self.sip_status = sip_status

    @property
    def operator_message(self) -> str:
        """The message with LiveKit's own sentence."""
        return f"{self.message}: {self.detail}" if self.detail else f"{self.message} ({self.twirp_code})"


class RoomNotFound(SaynaError):
    """The room is missing, or the caller may not know of it."""

    status = 404
    code = "ROOM_NOT_FOUND"


class RoomAccessDenied(SaynaError):
    """The room belongs to another tenant, or to no tenant."""

    status = 403
    code = "ROOM_ACCESS_DENIED"


class ParticipantNotFound(SaynaError):
    """The room, participant or track is missing, or the caller may not know of it."""

    status = 404
    code = "PARTICIPANT_NOT_FOUND"


class CallNotAnswered(SaynaError):
    """The phone still rings: a transfer before the answer would break the call."""

    status = 409
    code = "CALL_NOT_ANSWERED"


class RemovalFailed(SaynaError):
    """LiveKit does not remove the participant."""

    code = "REMOVAL_FAILED"


class MuteFailed(SaynaError):
    """LiveKit does not mute or unmute the track."""

    code = "MUTE_FAILED"


class InvalidSignature(SaynaError):
    """The webhook has no valid signature of LiveKit: another key, another body, or an old one."""

    status = 401
    code = "INVALID_SIGNATURE"
