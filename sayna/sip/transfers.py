"""Transfers of calls, and their outcomes in the log of calls."""

import contextlib
import logging
import time
from dataclasses import dataclass, replace

from sayna.caller import Caller
from sayna.config import SipConfig
from sayna.errors import StoreUnavailable
from sayna.livekit.errors import LiveKitUnavailable
from sayna.livekit.model import TransferOutcome
from sayna.livekit.sip_client import SipClient, transfer_outcome
from sayna.log import emit
from sayna.sip.address import Overrides
from sayna.sip.call_log import CallLog, CallRecord
from sayna.sip.errors import TransferFailed
from sayna.sip.phone import TransferTarget, check_destination, masked

# The contract says two seconds, and the response needs time; a REFER usually takes longer.
TRANSFER_SECONDS = 1.9

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Transfers:
    """Transfers within the limits of the settings."""

    config: SipConfig
    overrides: Overrides
    client: SipClient
    log: CallLog

    def transfer(self, caller: Caller, room: str, identity: str, target: TransferTarget) -> bool:
        """Return True when the phone was transferred, False when the transfer goes on.

        Raises DestinationNotAllowed, ParticipantNotFound, CallNotAnswered, TransferFailed.
        """
        check_destination(self.config, target.number)
        if target.address is not None:
            self.overrides.check(target.address)
        requested = time.time()

        def note(sip_call_id: str, outcome: TransferOutcome | None) -> None:
            # Noting must not fail a transfer that goes on.
            with contextlib.suppress(StoreUnavailable):
                self.log.change(sip_call_id, room, lambda record: _noted(record, target.uri, requested, outcome))

        try:
            sip_call_id, done = self.client.transfer(
                caller, room, identity, target.uri, seconds=TRANSFER_SECONDS, ended=note
            )
        except LiveKitUnavailable as error:
            outcome = transfer_outcome(error)
            raise TransferFailed(f"the transfer failed: {outcome}", sip_status=outcome.sip_status) from error
        note(sip_call_id, None)
        emit(logger, logging.INFO, "transfer_begun", to=masked(target.number), done=done, sip_call_id=sip_call_id)
        return done


def _noted(record: CallRecord | None, uri: str, requested: float, outcome: TransferOutcome | None) -> CallRecord | None:
    """Return the record with its transfer; without an outcome the transfer goes on, unless its end is noted already."""
    if record is None:
        return None
    last = record.transfer["requested"] if record.transfer else 0
    # A later transfer stays, and so does the outcome of this one.
    if last > requested or (last == requested and outcome is None):
        return None
    transfer = {"transfer_to": uri, "status": "initiated", "requested": requested, "reason": None, "sip_status": None}
    if outcome is not None and outcome.word == "completed":
        transfer["status"] = "completed"
    elif outcome is not None:
        transfer |= {"status": "failed", "reason": outcome.word, "sip_status": outcome.sip_status}
    return replace(record, transfer=transfer)
