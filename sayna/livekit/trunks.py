"""What LiveKit must know to take inbound calls: from where, and that each of them gets a room of its own."""

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
        """Create or correct both and return what was, or would be, done; nothing when all is well.

        Raises LiveKitRefused or LiveKitUnavailable; doing it again then begins where this ended.
        """

        async def ask(rpc: "Rpc") -> list[str]:
            from sayna.livekit.provisioning import provision  # noqa: PLC0415 - comes with livekit-api

            return await provision(rpc, inbound, dry_run=dry_run)

        return self._bridge.run(ask, 6 * self._seconds)
