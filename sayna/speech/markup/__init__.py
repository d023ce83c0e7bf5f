"""SSML compiled to texts and silences, the same for every provider (contract 14)."""

from sayna.speech.markup.compiler import Piece, Script, compiled, compiled_leniently

__all__ = ["Piece", "Script", "compiled", "compiled_leniently"]
