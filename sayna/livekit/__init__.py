"""LiveKit: tokens, rooms that belong to tenants, moderation, and the events that LiveKit sends.

Importing this package is cheap: asyncio loads where a LiveKit server is configured, livekit-api with the
first request to it, PyJWT with the first event.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayna.livekit.events import Event, Receiver, Webhook
    from sayna.livekit.livekit_client import LiveKit

__all__ = ["Event", "LiveKit", "Receiver", "Webhook"]


def __getattr__(name: str) -> Any:
    """Load the module of a name at its first use: asyncio is a tenth of the start time."""
    if name not in __all__:
        raise AttributeError(name)
    from sayna.livekit import events, livekit_client  # noqa: PLC0415

    return getattr(livekit_client if name == "LiveKit" else events, name)
