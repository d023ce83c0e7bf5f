"""What a caller wants dialled, and through which SIP server and as whom it is."""

from dataclasses import dataclass

from sayna.config import Secret, SipConfig
from sayna.sip.address import SipAddress
from sayna.sip.errors import OutboundAddressNotConfigured


@dataclass(frozen=True, slots=True)
class OwnTrunk:
    """What a request brings of its own; None is what it leaves to the settings."""

    address: SipAddress | None = None
    username: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call into a room."""

    room: str
    identity: str
    name: str
    from_number: str
    to_number: str
    own: OwnTrunk

    def facts(self) -> dict[str, object]:
        """Return all that makes this request what it is, its password too."""
        own = self.own
        return {
            "names": [self.room, self.identity, self.name, self.from_number, self.to_number],
            "own": [own.address and own.address.text, own.username, own.password and own.password.reveal()],
        }


@dataclass(frozen=True, slots=True)
class Trunk:
    """A SIP server, and the user that it may ask for."""

    address: str
    username: str = ""
    password: Secret | None = None

    @classmethod
    def of(cls, own: OwnTrunk, config: SipConfig) -> "Trunk":
        """Return what to dial through, field by field; raises OutboundAddressNotConfigured.

        Whoever names the SIP server gets neither the user nor the password of the settings.
        """
        # Digest authentication answers whoever asks: the settings' password must not go to a
        # server of the caller's.
        if own.address is not None:
            return cls(own.address.text, own.username or "", own.password if own.username else None)
        if config.outbound_address is None:
            raise OutboundAddressNotConfigured(
                "no SIP server is known; set SIP_OUTBOUND_ADDRESS or send sip.outbound_address"
            )
        username = config.outbound_auth_username if own.username is None else own.username
        password = config.outbound_auth_password if own.password is None else own.password
        return cls(config.outbound_address, username or "", password if username else None)
