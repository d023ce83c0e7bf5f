"""Accents in one vocabulary, whatever a vendor calls them: American for "United States", "us" and "en-american"."""

import functools
import re
from collections.abc import Iterable

from sayna.speech.voices.languages import canonical, names, region_of

UNKNOWN = "Unknown"
_SEPARATOR = re.compile(r"[\s_-]+")


def accent(word: str, tags: Iterable[str]) -> str:
    """Return the accent that a vendor's word means, else that of the first region in canonical tags, else Unknown.

    A word that names no region, as in Cockney, is kept with capital letters.
    """
    plain = _plain(word)
    # Azure writes the script before the region, as in "Latin, Serbia".
    parts = [part for part in map(str.strip, word.split(",")) if part]
    known = next(filter(None, map(_known, (word, *reversed(parts)))), "")
    if known or len(parts) > 1 or plain in names()["no_accent"] or plain in names()["languages"]:
        return known or _of_region(region_of(tags)) or UNKNOWN
    return " ".join(part[:1].upper() + part[1:] for part in word.split())


def _known(word: str) -> str:
    """Return the accent of one name; a language or "accent" may stand beside it, as in "British English"."""
    plain, accents = _plain(word), _accents()
    if plain in accents:
        return accents[plain]
    words = plain.split()
    for rest in (words[1:], words[:-1]) if len(words) > 1 else ():
        if (found := accents.get(" ".join(rest))) and _is_language(words[0] if rest == words[1:] else words[-1]):
            return found
    return _of_region(region_of([canonical(word)]))


def _is_language(word: str) -> bool:
    return word == "accent" or word in _languages() or canonical(word) == word


def _plain(word: str) -> str:
    return _SEPARATOR.sub(" ", word).strip().casefold()


def _of_region(region: str) -> str:
    return str(names()["regions"].get(region, ("",))[0])


@functools.cache
def _languages() -> frozenset[str]:
    return frozenset(name.casefold() for name in names()["languages"].values())


@functools.cache
def _accents() -> dict[str, str]:
    table = {_plain(name): known[0] for known in names()["regions"].values() for name in known}
    finer = names()["finer"]
    return {**table, **{name.casefold(): name for name in finer.values()}, **finer}
