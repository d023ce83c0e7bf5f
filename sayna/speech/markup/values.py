"""What the attributes of SSML mean: the length of a break, a rate, how `<say-as>` is spoken."""

import re
from collections.abc import Callable, Mapping

from sayna.engines.graphemes import is_boundary
from sayna.errors import InvalidRequest

MAX_BREAK_MS = 10_000
# Milliseconds of each strength.
STRENGTHS = {"none": 0, "x-weak": 100, "weak": 250, "medium": 500, "strong": 750, "x-strong": 1000}
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
SLOWEST, FASTEST = 0.1, 10.0
_TIME = re.compile(r"\+?([0-9]{1,6}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})(ms|s)")
_RATE = re.compile(r"([+-]?)([0-9]{1,4}(?:\.[0-9]{1,6})?)(%?)")
_TOLD = re.compile(r"\d+|[^\W\d_]+|[+#*]")


class UnsupportedMarkup(InvalidRequest, code="UNSUPPORTED_MARKUP"):
    """The text is no SSML document, or has an element that not every provider can speak."""


def break_ms(attributes: Mapping[str, str]) -> int:
    """Return the milliseconds of a `<break>`: its time, else its strength; raises UnsupportedMarkup."""
    milliseconds = STRENGTHS.get(attributes.get("strength", "medium"))
    if milliseconds is None:
        raise UnsupportedMarkup(f"strength of <break> must be one of {', '.join(STRENGTHS)}")
    if "time" in attributes:
        found = _TIME.fullmatch(attributes["time"].strip())
        milliseconds = round(float(found[1]) * (1 if found[2] == "ms" else 1000)) if found else MAX_BREAK_MS + 1
    if milliseconds > MAX_BREAK_MS:
        raise UnsupportedMarkup(f"time of <break> must be such as 500ms or 1.5s, at most {MAX_BREAK_MS // 1000} s")
    return milliseconds


def speaking_rate(text: str) -> float:
    """Return the factor that the rate of a `<prosody>` is; raises UnsupportedMarkup."""
    if text.strip() in RATES:
        return RATES[text.strip()]
    found = _RATE.fullmatch(text.strip())
    # A sign counts from the rate of the voice, and only with a percent sign.
    if found and bool(found[1]) <= bool(found[3]):
        rate = float(f"{found[1]}{found[2]}") / (100 if found[3] else 1) + bool(found[1])
        if SLOWEST <= rate <= FASTEST:
            return rate
    raise UnsupportedMarkup(f"rate of <prosody> must be such as 90%, +10% or one of {', '.join(RATES)}")


def _separated(text: str) -> str:
    """Return digits one by one, and a short pause where the text has another sign."""
    return ", ".join(" ".join(each) if each.isdecimal() else each for each in _TOLD.findall(text))


def _spelled(text: str) -> str:
    """Return the characters one by one; capitals, because "a" alone is read as a word."""
    text = "".join(text.split())
    letters, start = [], 0
    for place in range(1, len(text) + 1):
        if is_boundary(text, start, place):
            letters.append(text[start:place])
            start = place
    return ", ".join(upper if len(upper := each.upper()) == len(each) else each for each in letters)


SAY_AS: Mapping[str, Callable[[str], str]] = {"characters": _spelled, "digits": _separated, "telephone": _separated}
