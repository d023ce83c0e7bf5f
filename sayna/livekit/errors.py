"""Errors of rooms, with their status and code on the wire."""

from sayna.errors import SaynaError


class LiveKitNotConfigured(SaynaError, code="LIVEKIT_NOT_CONFIGURED"):
    """This server has no key and secret of a LiveKit server."""

    sentence = "LiveKit is not configured; set LIVEKIT_API_KEY and LIVEKIT_API_SECRET"


class WebhookNotConfigured(LiveKitNotConfigured, status=503):
    """The same as an answer to LiveKit, which sends an event again after a 5xx, up to four times."""


class LiveKitUnavailable(SaynaError, code="LIVEKIT_UNAVAILABLE"):
    """LiveKit did not answer in time, or the answer is not LiveKit's.

    `may_have_acted` tells whether the request may have had its effect all the same.
    """

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


class RoomNotFound(SaynaError, status=404, code="ROOM_NOT_FOUND"):
    """The room is missing, or the caller may not know of it."""


class RoomAccessDenied(SaynaError, status=403, code="ROOM_ACCESS_DENIED"):
    """The room belongs to another tenant, or to no tenant."""


class ParticipantNotFound(SaynaError, status=404, code="PARTICIPANT_NOT_FOUND"):
    """The room, participant or track is missing, or the caller may not know of it."""

    sentence = "no room of yours has this participant or track"


class CallNotAnswered(SaynaError, status=409, code="CALL_NOT_ANSWERED"):
    """The phone still rings: a transfer before the answer would break the call."""


class RemovalFailed(SaynaError, code="REMOVAL_FAILED"):
    """LiveKit does not remove the participant."""


class MuteFailed(SaynaError, code="MUTE_FAILED"):
    """LiveKit does not mute or unmute the track."""


class InvalidSignature(SaynaError, status=401, code="INVALID_SIGNATURE"):
    """The webhook has no valid signature of LiveKit: another key, another body, or an old one."""
