"""LiveKit: tokens, rooms that belong to tenants, moderation, and the events that LiveKit sends.

Importing this package costs nothing: livekit-api comes with the first question to the LiveKit server, PyJWT
with the first event.
"""

from .service import LiveKit
from .webhook import Event, Receiver

__all__ = ["Event", "LiveKit", "Receiver"]
