"""Sayna: one plain HTTP API over every text-to-speech vendor, LiveKit rooms, recordings and SIP."""

__version__ = "0.2.0"
