"""What goes wrong with telephones, and how the wire says so.

SaynaError
├── InvalidRequest
│   ├── InvalidPhoneNumber              400 INVALID_PHONE_NUMBER
│   ├── InvalidSipAddress               400 INVALID_SIP_ADDRESS
│   └── KeyReused                       422 IDEMPOTENCY_KEY_REUSED
├── DestinationNotAllowed               403 DESTINATION_NOT_ALLOWED
├── FromNumberNotAllowed                403 FROM_NUMBER_NOT_ALLOWED
├── TooManyCalls                        429 TOO_MANY_CALLS, with Retry-After
├── SipRoomAccessDenied                 404 ROOM_ACCESS_DENIED
├── OutboundAddressNotConfigured        500 OUTBOUND_ADDRESS_NOT_CONFIGURED
├── CallFailed                          500 CALL_FAILED
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
    """It is not an optional + and 1 to 32 digits."""

    code = "INVALID_PHONE_NUMBER"


class InvalidSipAddress(InvalidRequest):
    """It is no host name or address, with a port or without."""

    code = "INVALID_SIP_ADDRESS"


class KeyReused(InvalidRequest):
    """This Idempotency-Key came with another request before."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"


class DestinationNotAllowed(SaynaError):
    """The settings do not let anybody call this number, or call through this SIP server."""

    status = 403
    code = "DESTINATION_NOT_ALLOWED"


class FromNumberNotAllowed(SaynaError):
    """The settings do not let this tenant call from this number."""

    status = 403
    code = "FROM_NUMBER_NOT_ALLOWED"


class TooManyCalls(SaynaError):
    """The tenant has called too often in the last minute, or has too many calls under way."""

    status = 429
    code = "TOO_MANY_CALLS"


class SipRoomAccessDenied(SaynaError):
    """The room is another tenant's, or nobody's; whether it exists is not told."""

    status = 404
    code = "ROOM_ACCESS_DENIED"


class OutboundAddressNotConfigured(SaynaError):
    """Neither the request nor SIP_OUTBOUND_ADDRESS names a SIP server."""

    code = "OUTBOUND_ADDRESS_NOT_CONFIGURED"


class CallFailed(SaynaError):
    """LiveKit did not begin the call, or did not say whether it did; then `outcome_unknown` is set."""

    code = "CALL_FAILED"
    outcome_unknown = False


class TransferFailed(SaynaError):
    """LiveKit or the far end did not take the transfer."""

    code = "TRANSFER_FAILED"


class HookAccessDenied(SaynaError):
    """The hook would belong to another tenant than the one who asks."""

    status = 403
    code = "HOOK_ACCESS_DENIED"


class HookImmutable(SaynaError):
    """The host's hook stands in the configuration and is not changed over HTTP."""

    status = 405
    code = "HOOK_IMMUTABLE"


class HookTaken(SaynaError):
    """Another tenant has the host's hook."""

    status = 409
    code = "HOOK_TAKEN"


class HooksNotStored(SaynaError):
    """There is no place for hooks, or what is in it cannot be read; nothing was changed."""

    code = "HOOKS_NOT_STORED"


class HookNamesTooSlow(Overloaded):
    """The hosts of the URLs could not be looked up in time; nothing was saved."""
