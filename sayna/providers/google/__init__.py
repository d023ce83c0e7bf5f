"""Google Cloud Text-to-Speech as a vendor."""

from sayna.providers.google.account import GoogleConfig
from sayna.providers.google.google_provider import Google

__all__ = ["Google", "GoogleConfig"]
