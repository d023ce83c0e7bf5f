"""Pronunciations: what is to be said instead of what is written."""

import re
from collections.abc import Sequence

from sayna.errors import InvalidRequest

# Without a limit, three rules make 1 GB of 1 kB.
MAX_GROWTH = 4


def pronounce(text: str, rules: Sequence[tuple[str, str]]) -> str:
    """Return `text` with each whole word of `rules` replaced, in one pass, by case.

    Raises InvalidRequest when the result is more than four times as long as the text.
    """
    if not rules:
        return text
    spoken = dict(rules)
    # The first alternative that fits wins, so the longest come first.
    words = "|".join(re.escape(word) for word in sorted(spoken, key=len, reverse=True))
    pieces: list[str] = []
    length = end = 0
    # One pass: the reference replaces twice, and "AI" inside PAID. Not \b, which is nowhere around C++.
    for found in re.finditer(rf"(?<!\w)(?:{words})(?!\w)", text):
        pieces += (text[end : found.start()], spoken[found[0]])
        length += len(pieces[-2]) + len(pieces[-1])
        if length > MAX_GROWTH * len(text):
            break
        end = found.end()
    pieces.append(text[end:])
    if length + len(pieces[-1]) > MAX_GROWTH * len(text):
        raise InvalidRequest(f"pronunciations make the text more than {MAX_GROWTH} times as long")
    return "".join(pieces)
