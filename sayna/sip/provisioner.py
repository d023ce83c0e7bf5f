"""Provisioning in the background: it retries until it succeeds, and delays no request."""

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
    """Gives LiveKit the trunk and rule of the settings, once for all workers."""

    def __init__(self, trunks: Trunks, inbound: Inbound, *, first_pause: float = FIRST_PAUSE_SECONDS) -> None:
        self._trunks = trunks
        self._inbound = inbound
        self._first_pause = first_pause

    def run(self, stop: threading.Event) -> None:
        """Try until it works, then keep the leader's place until `stop` is set."""
        pause = self._first_pause
        while not stop.is_set() and not self._provisioned():
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        # Keep the lock, otherwise the next worker would send the same requests to LiveKit.
        stop.wait()

    def _provisioned(self) -> bool:
        try:
            done = self._trunks.provision(self._inbound, dry_run=False)
        except LiveKitUnavailable as error:
            emit(logger, logging.WARNING, "provisioning_failed", reason=error.operator_message)
            return False
        emit(logger, logging.INFO, "provisioned", done=list(done))
        return True
