"""SSML compiled to texts and silences, the same for every provider (contract 14)."""

from sayna.speech.markup.compiler import Piece, Script, compiled, compiled_leniently
from sayna.speech.markup.values import UnsupportedMarkup

__all__ = ["Piece", "Script", "UnsupportedMarkup", "compiled", "compiled_leniently"]
