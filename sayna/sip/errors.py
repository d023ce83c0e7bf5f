"""Errors of telephony, with their status and code on the wire."""

from types import MappingProxyType

from sayna.errors import InvalidRequest, Overloaded, SaynaError


class InvalidPhoneNumber(InvalidRequest, code="INVALID_PHONE_NUMBER"):
    """The number is not an optional + and 1 to 32 digits."""


class InvalidSipAddress(InvalidRequest, code="INVALID_SIP_ADDRESS"):
    """The address is not a host name or IP address, with or without a port."""


class KeyReused(InvalidRequest, status=422, code="IDEMPOTENCY_KEY_REUSED"):
    """This Idempotency-Key came with another request before."""


class DestinationNotAllowed(SaynaError, status=403, code="DESTINATION_NOT_ALLOWED"):
    """The settings forbid calls to this number, or through this SIP server."""


class FromNumberNotAllowed(SaynaError, status=403, code="FROM_NUMBER_NOT_ALLOWED"):
    """The settings forbid this tenant to call from this number."""


class TooManyCalls(SaynaError, status=429, code="TOO_MANY_CALLS"):
    """The tenant began too many calls in the last minute, or has too many at a time."""


class SipRoomAccessDenied(SaynaError, status=404, code="ROOM_ACCESS_DENIED"):
    """The room belongs to another tenant or to no tenant; a missing room answers the same."""


class ParticipantExists(SaynaError, status=409, code="PARTICIPANT_EXISTS"):
    """The room has a participant of this identity, which LiveKit would disconnect; `replace: true` permits that."""


class OutboundAddressNotConfigured(SaynaError, code="OUTBOUND_ADDRESS_NOT_CONFIGURED"):
    """Neither the request nor SIP_OUTBOUND_ADDRESS names a SIP server."""


class CallFailed(SaynaError, code="CALL_FAILED"):
    """LiveKit did not begin the call, or did not say whether it did."""


class CallOutcomeUnknown(CallFailed):
    """LiveKit did not answer, so the phone may ring."""


class CallNotPlaced(CallFailed, status=422):
    """The far end refused the call; a retry would call again, so the status is none that clients retry.

    `word` is the reason in the log of calls.
    """

    sentence = "the far end refused the call"
    word = "rejected"

    def __init__(self, *, sip_status: int | None = None) -> None:
        super().__init__()
        self.sip_status = sip_status
        self.members = {} if sip_status is None else {"sip_status": sip_status}


class Busy(CallNotPlaced, code="BUSY"):
    """The far end is busy (SIP status 486 or 600)."""

    sentence, word = "the far end is busy", "busy"


class NoAnswer(CallNotPlaced, code="NO_ANSWER"):
    """No phone answered in time (SIP status 408, 480 or 487)."""

    sentence, word = "no phone answered in time", "no_answer"


class Declined(CallNotPlaced, code="DECLINED"):
    """The far end declined the call (SIP status 603)."""

    sentence, word = "the far end declined the call", "declined"


class CallNotFound(SaynaError, status=404, code="CALL_NOT_FOUND"):
    """The caller had no call of this id in the last 24 hours."""


class TransferFailed(SaynaError, code="TRANSFER_FAILED"):
    """LiveKit or the far end refused the transfer; `sip_status` is the status of the far end, if it sent one."""

    def __init__(self, message: str, *, sip_status: int | None = None) -> None:
        super().__init__(message)
        self.members = {} if sip_status is None else {"sip_status": sip_status}


class HookAccessDenied(SaynaError, status=403, code="HOOK_ACCESS_DENIED"):
    """The hook would belong to another tenant than the caller's."""


class HookImmutable(SaynaError, status=405, code="HOOK_IMMUTABLE"):
    """The host's hook is in the configuration and cannot be changed over HTTP."""

    # HTTP requires Allow of a 405.
    headers = MappingProxyType({"Allow": "GET, HEAD, OPTIONS"})


class HookTaken(SaynaError, status=409, code="HOOK_TAKEN"):
    """Another tenant has the host's hook."""


class HooksNotStored(SaynaError, code="HOOKS_NOT_STORED"):
    """The server has no store for hooks, or cannot read it; nothing was changed."""


class HookNamesTooSlow(Overloaded):
    """DNS did not resolve the hosts of the URLs in time; nothing was saved."""
