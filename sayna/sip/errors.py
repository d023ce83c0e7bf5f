"""Errors of telephony, with their status and code on the wire."""

from sayna.errors import InvalidRequest, Overloaded, SaynaError


class InvalidPhoneNumber(InvalidRequest):
    """The number is not an optional + and 1 to 32 digits."""

    code = "INVALID_PHONE_NUMBER"


class InvalidSipAddress(InvalidRequest):
    """The address is not a host name or IP address, with or without a port."""

    code = "INVALID_SIP_ADDRESS"


class KeyReused(InvalidRequest):
    """This Idempotency-Key came with another request before."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"


class DestinationNotAllowed(SaynaError):
    """The settings forbid calls to this number, or through this SIP server."""

    status = 403
    code = "DESTINATION_NOT_ALLOWED"


class FromNumberNotAllowed(SaynaError):
    """The settings forbid this tenant to call from this number."""

    status = 403
    code = "FROM_NUMBER_NOT_ALLOWED"


class TooManyCalls(SaynaError):
    """The tenant began too many calls in the last minute, or has too many at a time."""

    status = 429
    code = "TOO_MANY_CALLS"


class SipRoomAccessDenied(SaynaError):
    """The room belongs to another tenant or to no tenant; a missing room answers the same."""

    status = 404
    code = "ROOM_ACCESS_DENIED"


class ParticipantExists(SaynaError):
    """The room has a participant of this identity, which LiveKit would disconnect; `replace: true` permits that."""

    status = 409
    code = "PARTICIPANT_EXISTS"


class OutboundAddressNotConfigured(SaynaError):
    """Neither the request nor SIP_OUTBOUND_ADDRESS names a SIP server."""

    code = "OUTBOUND_ADDRESS_NOT_CONFIGURED"


class CallFailed(SaynaError):
    """LiveKit did not begin the call, or did not say whether it did."""

    code = "CALL_FAILED"


class CallOutcomeUnknown(CallFailed):
    """LiveKit did not answer, so the phone may ring."""


class CallNotPlaced(CallFailed):
    """The far end refused the call; a retry would call again, so the status is none that clients retry."""

    status = 422

    def __init__(self, message: str, *, sip_status: int | None = None) -> None:
        super().__init__(message)
        self.members = {} if sip_status is None else {"sip_status": sip_status}


class Busy(CallNotPlaced):
    """The far end is busy (SIP status 486 or 600)."""

    code = "BUSY"


class NoAnswer(CallNotPlaced):
    """No phone answered in time (SIP status 408, 480 or 487)."""

    code = "NO_ANSWER"


class Declined(CallNotPlaced):
    """The far end declined the call (SIP status 603)."""

    code = "DECLINED"


class CallNotFound(SaynaError):
    """The caller had no call of this id in the last 24 hours."""

    status = 404
    code = "CALL_NOT_FOUND"


class TransferFailed(SaynaError):
    """LiveKit or the far end refused the transfer; `sip_status` is the status of the far end, if it sent one."""

    code = "TRANSFER_FAILED"

    def __init__(self, message: str, *, sip_status: int | None = None) -> None:
        super().__init__(message)
        self.members = {} if sip_status is None else {"sip_status": sip_status}


class HookAccessDenied(SaynaError):
    """The hook would belong to another tenant than the caller's."""

    status = 403
    code = "HOOK_ACCESS_DENIED"


class HookImmutable(SaynaError):
    """The host's hook is in the configuration and cannot be changed over HTTP."""

    status = 405
    code = "HOOK_IMMUTABLE"


class HookTaken(SaynaError):
    """Another tenant has the host's hook."""

    status = 409
    code = "HOOK_TAKEN"


class HooksNotStored(SaynaError):
    """The server has no store for hooks, or cannot read it; nothing was changed."""

    code = "HOOKS_NOT_STORED"


class HookNamesTooSlow(Overloaded):
    """DNS did not resolve the hosts of the URLs in time; nothing was saved."""
