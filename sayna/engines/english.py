"""English text as hibari reads it best: what its own rules leave out is written as words first.

hibari's rules know times, dates, most units, money, titles and Roman numbers. They run before the text is cut into
sentences, otherwise the full stop of "approx. 5 km" would end one.
"""

import re
from collections.abc import Callable

from hibari.g2p.normalize import normalize

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_DAYS = {day[:3]: day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}
_DAY = "|".join(_DAYS)
_CURRENCIES = {"USD": "dollars", "EUR": "euros", "GBP": "pounds"}


def _digits(found: re.Match[str]) -> str:
    """Say each digit of a telephone number, with a pause between its groups."""
    plus = "plus " if found[0][0] == "+" else ""
    return plus + ", ".join(" ".join(group) for group in re.findall(r"\d+", found[0]))


def _groups(found: re.Match[str]) -> str:
    """Say the dots of a version as points, those of an address as dots."""
    groups = found[0].split(".")
    return f" {'point' if len(groups) == 3 else 'dot'} ".join(groups)  # noqa: PLR2004 - an address has four


_RULES: tuple[Rule, ...] = (
    # "[word](/phonemes/)" is hibari's own markup.
    (re.compile(r"\]\("), "] ("),
    (re.compile(r"\bhttps?://", re.IGNORECASE), ""),
    (re.compile(r"\bwww\.(?=\w)", re.IGNORECASE), "W W W dot "),
    (re.compile(r"(?<=[a-z\d])\.(?=(?:com|org|net|edu|gov|info|io|dev|de|uk)\b)"), " dot "),
    (re.compile(r"\be\.\s?g\.", re.IGNORECASE), "for example"),
    (re.compile(r"\bi\.\s?e\.", re.IGNORECASE), "that is"),
    (re.compile(r"\bNo\. ?(?=\d)"), "Number "),
    (re.compile(r"(?<![\w+])\+\d{1,3}(?:[ -]\d{2,4}){2,4}(?![\d-])"), _digits),
    (re.compile(r"\(\d{3}\) ?\d{3}[ -]\d{4}(?![\d-])"), _digits),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){2,3}(?![\w]|\.\d)"), _groups),
    (re.compile(r"(?<=\d) ?(USD|EUR|GBP)\b"), lambda found: f" {_CURRENCIES[found[1]]}"),
    (re.compile(r"(?<=\d) in\.(?=\s|$)"), " inches"),
    (re.compile(r"(?<![\w.])(\d)['\u2032] ?(\d{1,2})[\"\u2033]"), r"\1 feet \2 inches"),
    (re.compile(r"\b(press|dial) \*(?=[\s,.;:!?]|$)", re.IGNORECASE), r"\1 star"),
    (re.compile(r"(?<=\d) m(?=[\s,.;:!?]|$)"), " meters"),
    (re.compile(rf"\b({_DAY})\.? ?[-\u2013] ?({_DAY})\b\.?"), lambda found: f"{_DAYS[found[1]]} to {_DAYS[found[2]]}"),
    (re.compile(r"(?<![\w.:/-])(?!\d{3}-\d{4}\b)(\d{1,4})[-\u2013](\d{1,4})(?=%?[,.;:!?]?(?:\s|$))"), r"\1 to \2"),
    (re.compile(r"(?<![\w.,:/-])0\d+(?![\w.,:/-]*\d)"), lambda found: " ".join(found[0])),
)


def written_out(text: str) -> str:
    """Return a text with its abbreviations, numbers with units, dates and times as words, line by line."""
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return "\n".join(normalize(line) for line in text.splitlines())
