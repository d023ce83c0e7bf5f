"""LiveKit: tokens, rooms that belong to tenants, moderation, and the events that LiveKit sends.

Importing this package costs nothing: what serves a LiveKit server comes where one is configured, livekit-api
with the first question to it, PyJWT with the first event.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayna.livekit.service import LiveKit
    from sayna.livekit.webhook import Event, Receiver

__all__ = ["Event", "LiveKit", "Receiver"]


def __getattr__(name: str) -> Any:
    """Load what serves LiveKit when it is first named: with asyncio it is a tenth of the start."""
    if name not in __all__:
        raise AttributeError(name)
    from sayna.livekit import service, webhook  # noqa: PLC0415

    return getattr(service if name == "LiveKit" else webhook, name)
