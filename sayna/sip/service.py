"""What the blueprints and the command line use of telephony."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sayna.config import Config
from sayna.livekit.model import Inbound
from sayna.sip.hooks import Hooks

if TYPE_CHECKING:
    from sayna.livekit import LiveKit
    from sayna.sip.dialling import CallService
    from sayna.sip.forwarding import Forwarding
    from sayna.state.leader import Leader

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Sip:
    """Telephony of one server; without LiveKit there are hooks, but nothing that calls them."""

    hooks: Hooks
    dialling: "CallService | None"
    forwarding: "Forwarding | None"
    inbound: Inbound | None
    leaders: "tuple[Leader, ...]"

    @classmethod
    def build(cls, config: Config, livekit: "LiveKit | None", folder: Path) -> "Sip":
        """Return telephony as the settings say; nothing is asked and nothing started.

        In `folder` the workers meet. When CACHE_PATH is unset it goes with the server, and with it what waits
        to be delivered, the answers to Idempotency-Keys and the counts of calls.
        """
        hooks = Hooks(config.sip, config.cache.path, own_secrets=config.own_hook_secrets)
        _warn_of_shared_secret(config)
        inbound = _inbound(config)
        if livekit is None:
            return cls(hooks, None, None, inbound, ())
        # Calls and deliveries need asyncio and SQLite: a tenth of a start that has no use for them.
        from sayna.sip.telephony import connect  # noqa: PLC0415

        dialling, forwarding, leaders = connect(config, livekit, hooks, inbound, folder)
        return cls(hooks, dialling, forwarding, inbound, leaders)

    def start(self) -> None:
        """Begin what goes on without a request: deliveries left by an earlier process, and provisioning."""
        for leader in self.leaders:
            leader.start()

    def close(self) -> None:
        """End the threads of this process."""
        for leader in self.leaders:
            leader.close()


def _warn_of_shared_secret(config: Config) -> None:
    shared = sorted(hook.host for hook in config.sip.hooks if hook.secret is None)
    if shared and config.own_hook_secrets:
        logger.warning(
            "SIP_HOOK_SECRET itself signs for %s, and whoever knows it can sign for every hook; give each a"
            " secret of its own in SIP_HOOKS_JSON before you hand it to a tenant",
            ", ".join(shared),
        )


def _inbound(config: Config) -> Inbound | None:
    prefix = config.sip.room_prefix
    return Inbound(prefix, config.sip.allowed_addresses) if prefix else None


def provision(livekit: "LiveKit", inbound: Inbound, *, dry_run: bool) -> Sequence[str]:
    """Return what was, or would be, done; raises LiveKitRefused or LiveKitUnavailable."""
    return livekit.trunks.provision(inbound, dry_run=dry_run)
