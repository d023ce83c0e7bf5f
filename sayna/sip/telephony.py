"""What telephony has only with LiveKit: calls out, events about calls that come in, and threads for both."""

import logging
from pathlib import Path

from sayna.config import Config
from sayna.livekit import LiveKit
from sayna.livekit.model import Inbound
from sayna.sip.delivery import Deliverer
from sayna.sip.dialling import CallService
from sayna.sip.forwarding import Forwarding
from sayna.sip.hooks import Hooks
from sayna.sip.idempotency import IdempotencyStore
from sayna.sip.limits import Limits
from sayna.sip.outbox import Queue
from sayna.sip.provisioner import Provisioner
from sayna.state.leader import Leader

logger = logging.getLogger("sayna.sip")


def connect(
    config: Config, livekit: LiveKit, hooks: Hooks, inbound: Inbound | None, folder: Path
) -> tuple[CallService, Forwarding, tuple[Leader, ...]]:
    """Return who dials, who forwards events, and whose threads `Sip.start` begins."""
    timeout = config.livekit.timeout_seconds
    limits = Limits(
        folder,
        per_minute=config.sip.calls_per_minute,
        at_a_time=config.sip.max_concurrent_calls,
        present=livekit.telephones.present,
    )
    # Who comes second under a key waits for the first: for the room, its claim and the dial.
    dialling = CallService(config.sip, livekit.rooms, livekit.telephones, limits, IdempotencyStore(folder, 3 * timeout))
    queue = Queue(folder)
    deliverer = Deliverer(queue, hooks, allow_private=config.sip.hook_allow_private)
    leaders = [Leader(folder, "deliveries", deliverer.run)]
    if inbound is not None:
        leaders.append(Leader(folder, "provisioning", Provisioner(livekit.trunks, inbound).run))

    def wake() -> None:
        leaders[0].start()
        deliverer.wake()

    trunks = frozenset(config.sip.x_to_ip_trunks)
    adopt = livekit.telephones.adopt
    forwarding = Forwarding(config.sip.room_prefix or "", trunks, hooks, queue, adopt, wake)
    if config.cache.path is None and config.sip.hooks:
        logger.warning("CACHE_PATH is not set: events that wait for a hook are lost with this server")
    return dialling, forwarding, tuple(leaders)
