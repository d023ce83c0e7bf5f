"""A LiveKit with a SIP service at the wire: no phone rings, and it records the requests."""

# ruff: noqa: N802 - methods have LiveKit's names

from typing import Any

from livekit import api
from livekit.protocol import models

from tests.wire.twirp import FakeLiveKit, Reply, refusal

SIP = models.ParticipantInfo.Kind.SIP


class FakeSipClient(FakeLiveKit):
    """A dialled phone is in the room at once."""

    def __init__(self) -> None:
        super().__init__()
        self.dialled: list[Any] = []
        self.transfers: list[Any] = []
        self.trunks: list[Any] = []
        self.rules: list[Any] = []

    def _CreateSIPParticipant(self, message: Any) -> Any:
        self.dialled.append(message)
        self.open(message.room_name)
        info = self.join(message.room_name, message.participant_identity, kind=SIP)
        return api.SIPParticipantInfo(
            participant_id=info.sid,
            participant_identity=info.identity,
            room_name=message.room_name,
            sip_call_id=f"SCL_{len(self.dialled)}",
        )

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
