"""Telephony: calls out, their limits, and signed events about calls that come in."""

from .call_request import CallRequest, OwnTrunk
from .service import Sip

__all__ = ["CallRequest", "OwnTrunk", "Sip"]
