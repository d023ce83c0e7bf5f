"""LiveKit: tokens, rooms that belong to tenants, moderation, and the events that LiveKit sends.

Importing this package costs nothing: livekit-api and asyncio come with the first call to the LiveKit server,
PyJWT with the first token or event.
"""

from .service import LiveKit
from .webhook import Event, Receiver

__all__ = ["Event", "LiveKit", "Receiver"]
