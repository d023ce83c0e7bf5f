"""Provisioning in the background: until it has worked, and never in the way of a request."""

import logging
import threading

from sayna.livekit.errors import LiveKitUnavailable
from sayna.livekit.model import Inbound
from sayna.livekit.trunks import Trunks
from sayna.log import emit

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

logger = logging.getLogger("sayna.sip")


class Provisioner:
    """Brings LiveKit to what the settings say, once for all workers."""

    def __init__(self, trunks: Trunks, inbound: Inbound) -> None:
        self._trunks = trunks
        self._inbound = inbound

    def run(self, stop: threading.Event) -> None:
        """Try until it works, then keep others from trying until told to stop."""
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set() and not self._provisioned():
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        # Holding on to the lock, or the next worker would ask LiveKit all over again.
        stop.wait()

    def _provisioned(self) -> bool:
        try:
            done = self._trunks.provision(self._inbound, dry_run=False)
        except LiveKitUnavailable as error:
            emit(logger, logging.WARNING, "provisioning_failed", reason=error.message)
            return False
        emit(logger, logging.INFO, "provisioned", done=list(done))
        return True
