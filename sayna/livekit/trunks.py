"""LiveKit's settings for inbound calls: which addresses may call, and that each call gets its own room."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sayna.livekit.model import Inbound

if TYPE_CHECKING:
    from sayna.livekit.bridge import Bridge
    from sayna.livekit.rpc import Rpc


class Trunks:
    """The inbound trunk and dispatch rule, as LiveKit has them."""

    def __init__(self, bridge: "Bridge[Rpc]", seconds: float) -> None:
        self._bridge = bridge
        self._seconds = seconds

    def provision(self, inbound: Inbound, *, dry_run: bool) -> Sequence[str]:
        """Create or correct both; return one sentence for each change that was, or would be, made.

        Raises LiveKitRefused or LiveKitUnavailable; a second try continues where this one ended.
        """

        async def ask(rpc: "Rpc") -> list[str]:
            from sayna.livekit.provisioning import provision  # noqa: PLC0415 - loads livekit-api

            return await provision(rpc, inbound, dry_run=dry_run)

        return self._bridge.run(ask, 6 * self._seconds)
