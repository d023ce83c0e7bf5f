"""Google Cloud Text-to-Speech as a vendor."""

from sayna.tts.google.provider import Google

__all__ = ["Google"]
