"""A LiveKit with a SIP service at the wire: no phone rings, and it records the requests."""

# ruff: noqa: N802 - methods have LiveKit's names

from typing import Any

from livekit import api
from livekit.protocol import models

from tests.wire.twirp import FakeLiveKit, Reply, refusal

SIP = models.ParticipantInfo.Kind.SIP


class FakeSipClient(FakeLiveKit):
    """A dialled phone is in the room at once, with LiveKit SIP's attributes; it rings until `set_status`."""

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[Any] = []
        # Each phone hangs up at once: the guide dials one identity in one example after the other.
        self.hangs_up_at_once = False
        self.transfers: list[Any] = []
        self.trunks: list[Any] = []
        self.rules: list[Any] = []

    def _CreateSIPParticipant(self, message: Any) -> Any:
        if message.trunk.hostname.startswith("sip:") or ";" in message.trunk.hostname:
            return refusal(400, "invalid_argument", "trunk hostname should be a hostname or IP")
        self.dialled.append(message)
        self.open(message.room_name)
        # As the real server does: a second participant of an identity disconnects the first one.
        people = self.people.setdefault(message.room_name, [])
        people[:] = [info for info in people if info.identity != message.participant_identity]
        status = "active" if message.wait_until_answered else "dialing"
        attributes = {
            "sip.callID": f"SCL_{len(self.dialled)}",
            "sip.callStatus": status,
            "sip.phoneNumber": message.sip_call_to,
            "sip.trunkPhoneNumber": message.sip_number,
        }
        info = self.join(message.room_name, message.participant_identity, kind=SIP, attributes=attributes)
        if self.hangs_up_at_once:
            people.remove(info)
        return api.SIPParticipantInfo(
            participant_id=info.sid,
            participant_identity=info.identity,
            room_name=message.room_name,
            sip_call_id=f"SCL_{len(self.dialled)}",
        )

    def set_status(self, room: str, identity: str, status: str) -> None:
        """Change the status of a phone, as LiveKit SIP does when it rings and when it is answered."""
        [info] = [info for info in self.people[room] if info.identity == identity]
        info.attributes["sip.callStatus"] = status

    def hang_up(self, room: str, identity: str) -> models.ParticipantInfo:
        """Let a phone leave its room, and return it."""
        [info] = [info for info in self.people[room] if info.identity == identity]
        self.people[room].remove(info)
        return info

    def _TransferSIPParticipant(self, message: Any) -> Any:
        self.transfers.append(message)
        return Reply()

    def _ListSIPInboundTrunk(self, _: Any) -> Any:
        return api.ListSIPInboundTrunkResponse(items=self.trunks)

    def _CreateSIPInboundTrunk(self, message: Any) -> Any:
        if self.trunks:
            return refusal(400, "invalid_argument", "Conflicting inbound SIP Trunks")
        message.trunk.sip_trunk_id = "ST_1"
        self.trunks.append(message.trunk)
        return message.trunk

    def _UpdateSIPInboundTrunk(self, message: Any) -> Any:
        others = [trunk for trunk in self.trunks if trunk.sip_trunk_id != message.sip_trunk_id]
        self.trunks = [*others, message.replace]
        return message.replace

    def _ListSIPDispatchRule(self, _: Any) -> Any:
        return api.ListSIPDispatchRuleResponse(items=self.rules)

    def _CreateSIPDispatchRule(self, message: Any) -> Any:
        message.dispatch_rule.sip_dispatch_rule_id = f"SDR_{len(self.rules)}"
        self.rules.append(message.dispatch_rule)
        return message.dispatch_rule

    def _UpdateSIPDispatchRule(self, message: Any) -> Any:
        key = message.sip_dispatch_rule_id
        self.rules = [*(rule for rule in self.rules if rule.sip_dispatch_rule_id != key), message.replace]
        return message.replace
