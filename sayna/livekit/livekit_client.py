"""One LiveKit server: tokens, rooms, calls, inbound calls and recordings over one connection."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sayna.config import LiveKitConfig, Secret
from sayna.livekit.bridge import Bridge
from sayna.livekit.egress import Egress
from sayna.livekit.rooms import Rooms
from sayna.livekit.sip_client import SipClient
from sayna.livekit.tokens import TokenMint
from sayna.state.ports import Lock

if TYPE_CHECKING:
    from sayna.livekit.rpc import Rpc


@dataclass(frozen=True, slots=True)
class LiveKit:
    """What the server uses of LiveKit; every answer comes within LIVEKIT_TIMEOUT_SECONDS."""

    tokens: TokenMint
    rooms: Rooms
    sip: SipClient
    egress: Egress
    bridge: "Bridge[Rpc]"
    seconds: float

    @classmethod
    def build(cls, config: LiveKitConfig, key: Secret, secret: Secret, locks: Lock) -> "LiveKit":
        """Return the server of the settings; the first request to it opens the connection."""
        timeout = config.timeout_seconds
        bridge = Bridge(lambda: _connect(config.url, key, secret, timeout))
        return cls(
            tokens=TokenMint(key, secret, config),
            rooms=Rooms(bridge, locks, timeout, room_options=config.room_options),
            sip=SipClient(bridge, timeout),
            egress=Egress(bridge, timeout),
            bridge=bridge,
            seconds=timeout,
        )

    def provision(self, prefix: str, addresses: Sequence[str], *, dry_run: bool) -> list[str]:
        """Create or correct the inbound trunk and dispatch rule; return one sentence for each change, made or not.

        Then each call from these addresses or networks gets a room whose name begins with `prefix`.
        Raises LiveKitRefused or LiveKitUnavailable; a second try continues where this one ended.
        """

        async def ask(rpc: "Rpc") -> list[str]:
            from sayna.livekit.provisioning import provision  # noqa: PLC0415 - loads livekit-api

            return await provision(rpc, prefix, addresses, dry_run=dry_run)

        return self.bridge.run(ask, 6 * self.seconds)


def _connect(url: str, key: Secret, secret: Secret, seconds: float) -> "AbstractAsyncContextManager[Rpc]":
    from sayna.livekit.rpc import connect  # noqa: PLC0415 - livekit-api costs 230 ms and 32 MB (measured)

    return connect(url, key, secret, seconds)
