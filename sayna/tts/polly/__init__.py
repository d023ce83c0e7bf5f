"""Amazon Polly as a vendor."""

from sayna.tts.polly.provider import Polly

__all__ = ["Polly"]
