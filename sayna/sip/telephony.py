"""Telephony with LiveKit: calls out, events about inbound calls, and the threads of both."""

import logging
from dataclasses import dataclass
from functools import partial

from sayna.config import Config
from sayna.config.server import waiting_places
from sayna.livekit.events import Receiver, Webhook
from sayna.livekit.livekit_client import LiveKit
from sayna.sip.address import Overrides, own_places
from sayna.sip.call_events import CallEvents
from sayna.sip.call_log import CallLog
from sayna.sip.call_service import CallService
from sayna.sip.delivery import Deliverer
from sayna.sip.hook_events import EndedRecording, HookEvents
from sayna.sip.hooks import Hooks
from sayna.sip.limits import AnswerWaits, Places
from sayna.sip.provisioner import keep_provisioned
from sayna.sip.transfers import Transfers
from sayna.state.embedded import SharedState
from sayna.state.leader import LeaderThread

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Telephony:
    """Calls of one server.

    One worker of all runs the threads: deliveries, also those that an earlier process left, and provisioning.
    """

    calls: CallService
    transfers: Transfers
    log: CallLog
    events: HookEvents
    webhook: Webhook
    threads: tuple[LeaderThread, ...]

    @classmethod
    def build(
        cls,
        config: Config,
        livekit: LiveKit,
        hooks: Hooks,
        state: SharedState,
        *,
        places: Places,
        ended_recording: EndedRecording | None,
    ) -> "Telephony":
        """Return telephony as the settings say; calls that wait for an answer take some of the threads of `places`.

        `ended_recording` gets LiveKit's events too.
        """
        log = CallLog(state.call_records, livekit.sip)
        overrides = Overrides(config.sip.override_addresses, own_places(config.sip.own_addresses, config.livekit))
        waits = AnswerWaits(max(1, waiting_places(config.server.threads) // 2), places)
        calls = CallService(config.sip, overrides, livekit, state, waits, log)
        deliverer = Deliverer(state.outbox, hooks, allow_private=config.sip.hook_allow_private)
        threads = [deliveries := LeaderThread(state.leader, "deliveries", deliverer.run)]
        if config.sip.room_prefix:
            job = partial(keep_provisioned, livekit, config.sip.room_prefix, config.sip.allowed_addresses)
            threads.append(LeaderThread(state.leader, "provisioning", job))

        def wake() -> None:
            deliveries.start()
            deliverer.wake()

        events = HookEvents(hooks, state.outbox, wake)
        if config.cache.path is None and config.sip.hooks:
            logger.warning("CACHE_PATH is not set: events that wait for a hook are lost with this server")
        receivers: list[Receiver] = [CallEvents(config.sip, livekit.sip.adopt, log, events)]
        if ended_recording is not None:
            receivers.append(partial(events.recording_ended, ended=ended_recording))
        tokens = livekit.tokens
        webhook = Webhook(tokens.api_key, tokens.api_secret, state.event_ids, tuple(receivers))
        return cls(calls, Transfers(config.sip, overrides, livekit.sip, log), log, events, webhook, tuple(threads))
