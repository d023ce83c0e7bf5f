"""What a client asks for when it places a call, and the SIP server that the call goes through."""

from dataclasses import dataclass

from sayna.config import Secret, SipConfig
from sayna.config.sip_address import SipAddress
from sayna.livekit.model import Call, Trunk
from sayna.sip.errors import InvalidSipAddress, OutboundAddressNotConfigured


@dataclass(frozen=True, slots=True)
class OwnTrunk:
    """The SIP server, user and transport of a request; None where the settings decide."""

    address: SipAddress | None = None
    username: str | None = None
    password: Secret | None = None
    transport: str | None = None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call, the trunk that the request brings, and whether it may disconnect a participant of its identity."""

    call: Call
    own: OwnTrunk
    replace: bool = False

    def identity(self) -> dict[str, object]:
        """Return every field of the request, its password included; equal requests have equal fields."""
        call, own, default = self.call, self.own, Call("", "", "", "", "")
        names = ("from_name", "dtmf", "ringing_timeout", "max_duration", "wait_until_answered")
        changed = {name: getattr(call, name) for name in names if getattr(call, name) != getattr(default, name)}
        address = own.address.transport if own.address else "auto"
        transports = [own.transport, address] if (own.transport, address) != (None, "auto") else []
        options = {**changed, "replace": self.replace, "headers": dict(call.headers), "transports": transports}
        return {
            "names": [call.room, call.identity, call.name, call.from_number, call.to_number],
            "own": [own.address and own.address.text, own.username, own.password and own.password.reveal()],
            # Without defaults, so that keys of earlier versions stay valid.
            **{name: value for name, value in options.items() if value},
        }


def trunk_of(own: OwnTrunk, config: SipConfig) -> Trunk:
    """Return the trunk to dial through; raises OutboundAddressNotConfigured, InvalidSipAddress.

    A request with its own SIP server gets neither the user nor the password of the settings.
    """
    encryption = config.outbound_encryption
    # A SIP server can ask for digest authentication: one that the caller chose must not get this password.
    if own.address is not None:
        transport = _transport(own.address, own.transport or "auto")
        password = own.password if own.username else None
        return Trunk(own.address.text, own.username or "", password, transport, encryption)
    if config.outbound_address is None:
        raise OutboundAddressNotConfigured(
            "no SIP server is known; set SIP_OUTBOUND_ADDRESS or send sip.outbound_address"
        )
    username = config.outbound_auth_username if own.username is None else own.username
    password = config.outbound_auth_password if own.password is None else own.password
    address = config.outbound_address
    transport = own.transport or _transport(address, config.outbound_transport)
    return Trunk(address.text, username or "", password if username else None, transport, encryption)


def _transport(address: SipAddress, wanted: str) -> str:
    if "auto" not in (wanted, address.transport) and wanted != address.transport:
        raise InvalidSipAddress("sip.outbound_address and sip.transport name two transports; send one of them")
    return address.transport if wanted == "auto" else wanted
