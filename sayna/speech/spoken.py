"""What a provider is asked to say: a text or a document with its pronunciations, and the silences in it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sayna.errors import EmptyText, TextTooLong
from sayna.speech.markup import Piece, Script, UnsupportedMarkup, compiled, compiled_leniently
from sayna.speech.pronunciation import PronunciationTable, check_result, longest_result
from sayna.speech.text import clean, has_speech

MAX_PARTS = 50
EMPTY = "there is nothing to say in this text; send letters, digits or signs"
UNSPOKEN = "there is nothing to say in this text after the pronunciations"
# Blanks around the beginning of a sentence or of a paragraph.
_SENTENCE_BREAK = re.compile(r"(?<! ) *(\n\n?)\s*")
_COMPILERS = {"ssml": compiled, "unwrapped": compiled_leniently}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A cleaned text; each pause is a place in it and the milliseconds of silence there."""

    text: str
    pauses: tuple[tuple[int, int], ...] = ()
    # Multiplies the speaking rate.
    rate: float = 1.0


def spoken(text: str, markup: str, words: PronunciationTable, limit: int) -> Spoken:
    """Return what is said of a text in a markup (`none`, `ssml`, or `unwrapped`, which knows any element).

    `limit` is the number of characters that the text may have, and also what is said before pronunciations.
    Raises TextTooLong, EmptyText when nothing in it can be said, UnsupportedMarkup, InvalidRequest.
    """
    _check_length(len(text), limit)
    cleaned = _with_speech(clean(text))
    if markup in _COMPILERS:
        return _of_script(_COMPILERS[markup](text), words, limit)
    return Spoken(_with_speech(words.apply(cleaned), UNSPOKEN))


def _of_script(script: Script, words: PronunciationTable, limit: int) -> Spoken:
    _check_length(sum(len(piece.text) for piece in script.pieces), limit)
    parts: list[str] = []
    pauses: dict[int, int] = {}
    length = 0
    most = longest_result(sum(len(piece.text) for piece in script.pieces))
    for run, silence_ms in _runs(script.pieces):
        text = _said(run, words, most)
        if has_speech(text):
            parts.append(text)
            length += len(text)
            check_result(length, most)
        if silence_ms:
            pauses[length] = pauses.get(length, 0) + silence_ms
    if len(parts) > MAX_PARTS:
        raise UnsupportedMarkup(f"the breaks make {len(parts)} parts of the text; send at most {MAX_PARTS}")
    return Spoken(_with_speech("".join(parts)), tuple(pauses.items()), script.rate)


def _runs(pieces: Iterable[Piece]) -> Iterator[tuple[list[Piece], int]]:
    """Yield the texts up to each silence, and its milliseconds; 0 at the end."""
    run: list[Piece] = []
    for piece in pieces:
        if piece.silence_ms:
            yield run, piece.silence_ms
            run = []
        else:
            run.append(piece)
    yield run, 0


def _said(run: Iterable[Piece], words: PronunciationTable, most: int) -> str:
    said: list[str] = []
    for piece in run:
        text = clean(piece.text) if piece.is_fixed else words.apply(clean(piece.text), most)
        if said and text and said[-1][-1].isalnum() and text[0].isalnum():
            said.append(" ")
        if text:
            said.append(text)
    return _SENTENCE_BREAK.sub(r"\1", "".join(said)).strip()


def _with_speech(text: str, otherwise: str = EMPTY) -> str:
    if not has_speech(text):
        raise EmptyText(otherwise)
    return text


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise TextTooLong(f"text has {length} characters; send at most {limit}")
