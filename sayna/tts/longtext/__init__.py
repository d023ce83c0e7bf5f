"""Texts longer than a vendor takes at once: cut at sentences, rendered side by side, joined as samples."""

from sayna.tts.longtext.job import allowance, synthesize
from sayna.tts.longtext.split import Limit, split

__all__ = ["Limit", "allowance", "split", "synthesize"]
