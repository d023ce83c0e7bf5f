"""Text as every provider gets it: only characters that are spoken, one kind of blank, NFC.

Categories are those of the Unicode Character Database (UAX #44), as `unicodedata` has them.
"""

import functools
import hashlib
import re
import unicodedata

from sayna.engines.graphemes import CharacterTable

# The longest run of combining marks that Unicode expects (UAX #15, Stream-Safe Text Format). Sorting a longer
# run takes quadratic time in `unicodedata.normalize`.
MAX_MARKS = 30
LINE_BREAKS = "\n\r\v\f\x85\u2028"
# Invisible, though their category says letter, mark or symbol.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\ufffd"
JOINERS = "\u200c\u200d"
_SELECTOR = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# A black flag and the tags that spell its region.
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{1,7}\U000e007f)|[\U000e0020-\U000e007f]+")
_JOINING = re.compile("[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_LONG_MARKS = re.compile(f"(?<=m{{{MAX_MARKS}}})m+")

NAMED_PUNCTUATION = "#%&*@§¶†‡‰‱٪"
UNNAMED_SYMBOLS = "^`|~\u00a6\u00a8\u00ac\u00af\u00b4\u00b8"
# Lines, blocks, shapes and Braille dots: rulers and frames, not words.
_DRAWN = range(0x2500, 0x2600), range(0x2800, 0x2900)


def clean(text: str) -> str:
    """Return text without control, format and private-use characters, with plain blanks, in NFC.

    A joiner or variation selector stays where it joins two letters or belongs to a sign. Takes linear time.
    """
    text = text.replace("\r\n", "\n").translate(_CLEANED)
    if text.isascii():
        return text
    text = _JOINING.sub(_joining, _TAGS.sub(r"\1", text))
    # Twice, because a character such as U+0344 becomes two marks.
    return _without_long_marks(unicodedata.normalize("NFC", _without_long_marks(text)))


def has_speech(text: str) -> bool:
    """Return whether a cleaned text holds something that can be said: a letter, a digit, a sign with a name."""
    return bool(text.translate(_SPOKEN))


def text_digest(text: str) -> str:
    """Return what is the same for a text in any case and with any blanks: 32 hex digits of a SHA-256.

    It needs no key: it stands beside the audio only, and the audio says the text.
    """
    words = " ".join(clean(text).casefold().split())
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _cleaned(character: str) -> str | int:
    if character in LINE_BREAKS:
        return "\n"
    if character == "\u2029":
        return "\n\n"
    if character in FILLERS:
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Co", "Zs"):
        return " "
    is_joining = _JOINING.match(character) or _TAGS.match(character)
    if (category in ("Cs", "Cf") and not is_joining) or _is_noncharacter(ord(character)):
        return ""
    return ord(character)


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noqa: PLR2004 - UAX #44, noncharacter


def _joining(run: re.Match[str]) -> str:
    text, start, end = run.string, run.start(), run.end()
    return _joined(text[max(0, start - 1) : start], run[0], text[end : end + 1])


@functools.lru_cache(maxsize=1024)
def _joined(before: str, run: str, after: str) -> str:
    """Return what stays of a run of joining characters: at most a selector and a joiner."""
    selector = _SELECTOR.match(run)
    kept = selector[0] if selector and _takes_selector(before) else ""
    joiner = run[len(selector[0]) if selector else 0 :][:1]
    return kept + joiner if joiner and joiner in JOINERS and _joins(before, after) else kept


def _takes_selector(before: str) -> bool:
    if not before:
        return False
    return before in "#*" or unicodedata.category(before)[0] in "SN" or _is_sign(before) or ord(before) > 0x1800  # noqa: PLR2004


def _joins(before: str, after: str) -> bool:
    if not before or not after:
        return False
    return (_is_sign(before) and _is_sign(after)) or (_shapes(before) and _shapes(after))


def _is_sign(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk")


def _shapes(character: str) -> bool:
    """Return whether a character belongs to a script whose letters take another shape beside a joiner."""
    code = ord(character)
    is_east_asian = 0x2E80 <= code <= 0xA4FF or 0xAC00 <= code <= 0xD7FF  # noqa: PLR2004
    return code >= 0x600 and not is_east_asian and unicodedata.category(character)[0] in "LM"  # noqa: PLR2004


def _without_long_marks(text: str) -> str:
    kept, start = [], 0
    for run in _LONG_MARKS.finditer(text.translate(_MARKS)):
        kept.append(text[start : run.start()])
        start = run.end()
    return "".join((*kept, text[start:]))


def _can_be_said(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] in "LN":
        return True
    if category[0] == "S":
        return character not in UNNAMED_SYMBOLS and not any(ord(character) in drawn for drawn in _DRAWN)
    return character in NAMED_PUNCTUATION


_CLEANED = CharacterTable(_cleaned)
# A string of the same length: m for a combining mark, s for any other character.
_MARKS = CharacterTable(lambda character: "m" if unicodedata.combining(character) else "s")
# Only the characters that can be said: one character for each, an empty string for all others.
_SPOKEN = CharacterTable(lambda character: "s" if _can_be_said(character) else "")
