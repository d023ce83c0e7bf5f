"""Errors of telephony, with their status and code on the wire.

SaynaError
├── InvalidRequest
│   ├── InvalidPhoneNumber              400 INVALID_PHONE_NUMBER
│   ├── InvalidSipAddress               400 INVALID_SIP_ADDRESS
│   └── KeyReused                       422 IDEMPOTENCY_KEY_REUSED
├── DestinationNotAllowed               403 DESTINATION_NOT_ALLOWED
├── FromNumberNotAllowed                403 FROM_NUMBER_NOT_ALLOWED
├── TooManyCalls                        429 TOO_MANY_CALLS, with Retry-After
├── SipRoomAccessDenied                 404 ROOM_ACCESS_DENIED
├── ParticipantExists                   409 PARTICIPANT_EXISTS
├── OutboundAddressNotConfigured        500 OUTBOUND_ADDRESS_NOT_CONFIGURED
├── CallFailed                          500 CALL_FAILED
│   └── CallOutcomeUnknown              500, when the phone may ring
├── TransferFailed                      500 TRANSFER_FAILED
├── HookAccessDenied                    403 HOOK_ACCESS_DENIED
├── HookImmutable                       405 HOOK_IMMUTABLE
├── HookTaken                           409 HOOK_TAKEN
├── HooksNotStored                      500 HOOKS_NOT_STORED
├── HookNamesTooSlow                    503 OVERLOADED
└── StoreUnavailable                    503 OVERLOADED
"""

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


class TransferFailed(SaynaError):
    """LiveKit or the far end refused the transfer."""

    code = "TRANSFER_FAILED"


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
