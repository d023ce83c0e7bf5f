"""Amazon Polly as a vendor."""

from sayna.providers.polly.aws_account import PollyConfig
from sayna.providers.polly.polly_provider import Polly

__all__ = ["Polly", "PollyConfig"]
