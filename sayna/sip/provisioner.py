"""Provisioning in the background: it retries until it succeeds, and delays no request."""

import logging
import threading
from collections.abc import Sequence

from sayna.livekit.errors import LiveKitUnavailable
from sayna.livekit.livekit_client import LiveKit
from sayna.log import emit

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

logger = logging.getLogger("sayna.sip")


def keep_provisioned(
    livekit: LiveKit,
    prefix: str,
    addresses: Sequence[str],
    stop: threading.Event,
    *,
    first_pause: float = FIRST_PAUSE_SECONDS,
) -> None:
    """Give LiveKit the trunk and rule of the settings, then keep the leader's place until `stop` is set."""
    pause = first_pause
    while not stop.is_set():
        try:
            done = livekit.provision(prefix, addresses, dry_run=False)
        except LiveKitUnavailable as error:
            emit(logger, logging.WARNING, "provisioning_failed", reason=error.operator_message)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            emit(logger, logging.INFO, "provisioned", done=done)
            # Keep the lock, otherwise the next worker would send the same requests to LiveKit.
            stop.wait()
