"""What the blueprints use of LiveKit."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sayna.config import LiveKitConfig, Secret
from sayna.livekit.bridge import Bridge
from sayna.livekit.calls import SipClient
from sayna.livekit.egress import Egress
from sayna.livekit.rooms import Rooms
from sayna.livekit.tokens import TokenMint
from sayna.livekit.trunks import Trunks
from sayna.livekit.webhook import Receiver, Webhook
from sayna.state.seen import EventDeduplicator

if TYPE_CHECKING:
    from sayna.livekit.rpc import Rpc


@dataclass(frozen=True, slots=True)
class LiveKit:
    """One LiveKit server."""

    public_url: str
    tokens: TokenMint
    rooms: Rooms
    telephones: SipClient
    trunks: Trunks
    egress: Egress
    webhook: Webhook
    bridge: "Bridge[Rpc]"

    @classmethod
    def build(cls, config: LiveKitConfig, folder: Path, receivers: tuple[Receiver, ...] = ()) -> "LiveKit | None":
        """Return the server of the settings, if they name one; nothing is asked and nothing started.

        In `folder` the workers meet; `receivers` get each new event, in the request that brings it.
        """
        key, secret = config.api_key, config.api_secret
        if key is None or secret is None:
            return None
        bridge = Bridge(lambda: _connect(config.url, key, secret, config.timeout_seconds))
        return cls(
            public_url=config.public_url,
            tokens=TokenMint(key, secret, config.token_ttl_seconds),
            rooms=Rooms(bridge, folder, config.timeout_seconds),
            telephones=SipClient(bridge, config.timeout_seconds),
            trunks=Trunks(bridge, config.timeout_seconds),
            egress=Egress(bridge, config.timeout_seconds),
            webhook=Webhook(key, secret, EventDeduplicator(folder), receivers),
            bridge=bridge,
        )

    def with_receiver(self, receiver: Receiver) -> "LiveKit":
        """Return the same server with one more receiver of events."""
        return replace(self, webhook=replace(self.webhook, receivers=(*self.webhook.receivers, receiver)))

    def close(self) -> None:
        """End the connections, the loop and the thread of this process."""
        self.bridge.close()


def _connect(url: str, key: Secret, secret: Secret, seconds: float) -> "AbstractAsyncContextManager[Rpc]":
    from sayna.livekit.rpc import connect  # noqa: PLC0415 - livekit-api costs 230 ms and 32 MB: only whoever asks LiveKit pays

    return connect(url, key, secret, seconds)
