"""Telephony: calls out, their limits, and signed events about calls that come in."""

from sayna.sip.call_request import CallRequest, OwnTrunk
from sayna.sip.service import Sip

__all__ = ["CallRequest", "OwnTrunk", "Sip"]
