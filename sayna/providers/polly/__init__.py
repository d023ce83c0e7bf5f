"""Amazon Polly as a vendor."""

from sayna.providers.polly.provider import Polly

__all__ = ["Polly"]
