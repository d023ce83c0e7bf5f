"""LiveKit: tokens, rooms that belong to tenants, moderation, and the events that LiveKit sends.

Nothing is imported here: asyncio loads where a LiveKit server is configured, livekit-api with the first request to
it, PyJWT with the first event.
"""
