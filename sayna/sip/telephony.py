"""Telephony with LiveKit: calls out, events about inbound calls, and the threads of both."""

import logging
from dataclasses import dataclass

from sayna.config import Config
from sayna.livekit import LiveKit, Receiver, Webhook
from sayna.livekit.deduplicator import EventDeduplicator
from sayna.livekit.model import Inbound
from sayna.sip.call_service import CallService
from sayna.sip.delivery import Deliverer
from sayna.sip.forwarding import Forwarding
from sayna.sip.hooks import Hooks
from sayna.sip.idempotency import IdempotencyStore
from sayna.sip.limits import Limits
from sayna.sip.provisioner import Provisioner
from sayna.state.embedded import SharedState
from sayna.state.leader import LeaderThread

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Telephony:
    """Calls of one server, and the threads that one worker of all runs."""

    calls: CallService
    webhook: Webhook
    threads: tuple[LeaderThread, ...]

    @classmethod
    def build(
        cls, config: Config, livekit: LiveKit, hooks: Hooks, state: SharedState, receivers: tuple[Receiver, ...] = ()
    ) -> "Telephony":
        """Return telephony as the settings say; `start` begins its threads, and `receivers` get the events too."""
        limits = Limits(state.calls, livekit.sip.present)
        calls = CallService(config.sip, livekit.rooms, livekit.sip, limits, IdempotencyStore(state.call_keys))
        deliverer = Deliverer(state.outbox, hooks, allow_private=config.sip.hook_allow_private)
        deliveries = LeaderThread(state.leader, "deliveries", deliverer.run)

        def wake() -> None:
            deliveries.start()
            deliverer.wake()

        receive = Forwarding(config.sip, hooks, state.outbox, livekit.sip.adopt, wake)
        threads = [deliveries]
        if (inbound := Inbound.of(config.sip)) is not None:
            threads.append(LeaderThread(state.leader, "provisioning", Provisioner(livekit.trunks, inbound).run))
        if config.cache.path is None and config.sip.hooks:
            logger.warning("CACHE_PATH is not set: events that wait for a hook are lost with this server")
        key, secret = livekit.tokens.api_key, livekit.tokens.api_secret
        webhook = Webhook(key, secret, EventDeduplicator(state.event_ids), (receive, *receivers))
        return cls(calls, webhook, tuple(threads))

    def start(self) -> None:
        """Start the work without a request: deliveries that an earlier process left, and provisioning."""
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """End the threads of this process."""
        for thread in self.threads:
            thread.close()
