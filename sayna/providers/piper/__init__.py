"""Piper, the neural engine on this machine: https://github.com/OHF-Voice/piper1-gpl; an optional extra."""

from sayna.providers.piper.piper_provider import Piper, PiperConfig

__all__ = ["Piper", "PiperConfig"]
