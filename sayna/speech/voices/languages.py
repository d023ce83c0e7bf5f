"""Language tags in the form that BCP 47 recommends, and the English names of languages.

langcodes knows the registry of BCP 47. The first tag that is not COMMON imports it (60 ms, 3 MB a worker, measured).
"""

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sayna.errors import InvalidRequest

# What a client may send, blanks around it aside. A registry is not asked: each provider knows its own languages.
TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,7}")
# Canonical already, so that most workers need no registry.
COMMON = re.compile(
    "(cs|da|de|en|es|fi|fr|it|ja|ko|nl|pl|pt|ru|sv|tr|zh)(-(AT|AU|BR|CA|CH|CN|DE|ES|FR|GB|IE|IN|IT|JP|MX|US))?"
)
REGION = re.compile(r"[A-Za-z]{2}|[0-9]{3}")
SCRIPT = re.compile(r"[A-Za-z]{4}")
# One written language with two tags: a voice of one speaks the other.
SAME = {"nb": "no", "yue": "zh"}


def canonical(tag: str) -> str:
    """Return zh-CN for cmn_CN, de for deu, en-GB for ` EN-uk ` and so on; an empty string for anything else."""
    stripped = tag.strip()
    if COMMON.fullmatch(stripped):
        return stripped
    return _canonical(stripped) if TAG.fullmatch(stripped) else ""


def wanted_language(text: str) -> str:
    """Return the canonical tag of a request, empty when it names none; raises InvalidRequest for anything else."""
    tag = canonical(text)
    if text.strip() and not tag:
        raise InvalidRequest("language must be a BCP 47 tag such as en-GB or de", field="language")
    return tag


@functools.lru_cache(maxsize=4096)
def _canonical(tag: str) -> str:
    import langcodes  # noqa: PLC0415 - many workers never see a tag
    from langcodes.tag_parser import LanguageTagError  # noqa: PLC0415

    try:
        # macro: cmn is zh and arb is ar, so that a filter for zh finds both spellings.
        return langcodes.standardize_tag(tag, macro=True)
    except LanguageTagError:
        # A tag such as en-us-nyc, in which espeak-ng made up the last subtag.
        language, *rest = tag.lower().replace("_", "-").split("-")
        return "-".join([langcodes.standardize_tag(language, macro=True), *map(_cased, rest)])


def language_name(tag: str) -> str:
    """Return the English name of the language of a canonical tag, or an empty string."""
    return str(names()["languages"].get(tag.partition("-")[0], ""))


def region_of(tags: Iterable[str]) -> str:
    """Return the first region in canonical tags, as in US or 419; an empty string when there is none."""
    for tag in tags:
        for subtag in tag.partition("-x-")[0].split("-")[1:]:
            if REGION.fullmatch(subtag):
                return subtag.upper()
    return ""


def speaks(tags: Iterable[str], wanted: str) -> bool:
    """Return whether a tag begins with the wanted subtags: en matches en-GB, but fi does not match fil."""
    prefix = wanted.lower() + "-"
    return any((tag.lower() + "-").startswith(prefix) for tag in tags)


def spoken(tags: Iterable[str], wanted: str) -> str:
    """Return the tag in which a voice of these tags speaks a wanted one, or an empty string when it cannot.

    A voice speaks all regions of its language in its own accent. Without a wanted tag, its first tag counts.
    """
    known = [canonical(tag) or tag for tag in tags]
    if not wanted:
        return known[0] if known else ""
    for tag in known:
        if speaks([tag], wanted):
            return tag
    return next((tag for tag in known if _language(tag) == _language(wanted)), "")


@functools.cache
def names() -> dict[str, Any]:
    """Return the English names: `languages` by tag, and `regions` with the accent and the names of each region.

    `finer` are accents within a region, by the names that vendors give them; the words of `no_accent` name none.
    """
    found: dict[str, Any] = json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))
    return found


def _language(tag: str) -> str:
    language = tag.partition("-")[0]
    return SAME.get(language, language)


def _cased(subtag: str) -> str:
    if SCRIPT.fullmatch(subtag):
        return subtag.title()
    return subtag.upper() if REGION.fullmatch(subtag) else subtag
