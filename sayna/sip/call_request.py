"""What a client asks for when it places a call, and the SIP server that the call goes through."""

from dataclasses import dataclass

from sayna.config import Secret, SipConfig
from sayna.livekit.model import Call, Trunk
from sayna.sip.address import SipAddress
from sayna.sip.errors import OutboundAddressNotConfigured


@dataclass(frozen=True, slots=True)
class OwnTrunk:
    """The SIP server and user of a request; None where the settings decide."""

    address: SipAddress | None = None
    username: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call, the trunk that the request brings, and whether it may disconnect a participant of its identity."""

    call: Call
    own: OwnTrunk
    replace: bool = False

    def identity(self) -> dict[str, object]:
        """Return every field of the request, its password included; equal requests have equal fields."""
        call, own = self.call, self.own
        return {
            "names": [call.room, call.identity, call.name, call.from_number, call.to_number],
            "own": [own.address and own.address.text, own.username, own.password and own.password.reveal()],
            # Only when true, so that keys of earlier versions stay valid.
            **({"replace": True} if self.replace else {}),
        }


def trunk_of(own: OwnTrunk, config: SipConfig) -> Trunk:
    """Return the trunk to dial through; raises OutboundAddressNotConfigured.

    A request with its own SIP server gets neither the user nor the password of the settings.
    """
    # A SIP server can ask for digest authentication: one that the caller chose must not get this password.
    if own.address is not None:
        return Trunk(own.address.text, own.username or "", own.password if own.username else None)
    if config.outbound_address is None:
        raise OutboundAddressNotConfigured(
            "no SIP server is known; set SIP_OUTBOUND_ADDRESS or send sip.outbound_address"
        )
    username = config.outbound_auth_username if own.username is None else own.username
    password = config.outbound_auth_password if own.password is None else own.password
    return Trunk(config.outbound_address, username or "", password if username else None)
