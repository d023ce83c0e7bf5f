"""Texts longer than a vendor takes at once: cut at sentences, rendered side by side, joined as samples."""

from sayna.speech.longtext.job import Ask, allowance, synthesize
from sayna.speech.longtext.split import Limit, split

__all__ = ["Ask", "Limit", "allowance", "split", "synthesize"]
