"""Language tags in the form that BCP 47 recommends, and their English names, from CLDR through babel.

The first call that needs babel imports it; a worker that serves the lists of another worker never does.
"""

import functools
import re
from collections.abc import Iterable
from typing import Any

_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")
_REGION = re.compile(r"[A-Za-z]{2}|[0-9]{3}")
_SCRIPT = re.compile(r"[A-Za-z]{4}")


@functools.lru_cache(maxsize=4096)
def canonical(tag: str) -> str:
    """Return zh-CN for cmn_CN, sr-Latn-RS for SR-latn-rs and so on; an empty string for anything else."""
    if not _TAG.fullmatch(tag):
        return ""
    from babel.core import get_global  # noqa: PLC0415

    language, *rest = tag.lower().replace("_", "-").split("-")
    # cmn is zh and arb is ar: a filter for zh must match both spellings.
    known = get_global("language_aliases").get(language, language).replace("_", "-")
    if not rest:
        return str(known)
    public, mark, private = "-".join(rest).partition("x-")
    subtags = [_cased(subtag) for subtag in public.split("-") if subtag]
    return "-".join([known.partition("-")[0], *subtags, *([mark + private] if mark else [])])


def language_name(tag: str) -> str:
    """Return the English name of the language of a canonical tag, or an empty string."""
    return str(_english().languages.get(tag.partition("-")[0], ""))


def region_name(tags: Iterable[str]) -> str:
    """Return the English name of the first region in canonical tags, or an empty string."""
    for tag in tags:
        for subtag in tag.partition("-x-")[0].split("-")[1:]:
            if _REGION.fullmatch(subtag):
                return str(_english().territories.get(subtag, ""))
    return ""


def speaks(tags: Iterable[str], wanted: str) -> bool:
    """Return whether a tag begins with the wanted subtags: en matches en-GB, but fi does not match fil."""
    prefix = wanted.lower() + "-"
    return any((tag.lower() + "-").startswith(prefix) for tag in tags)


def _cased(subtag: str) -> str:
    from babel.core import get_global  # noqa: PLC0415

    if _SCRIPT.fullmatch(subtag):
        return subtag.title()
    if not _REGION.fullmatch(subtag):
        return subtag
    # A former country with several successors keeps its own code.
    successors = get_global("territory_aliases").get(subtag.upper(), ())
    return str(successors[0]) if len(successors) == 1 else subtag.upper()


@functools.cache
def _english() -> Any:
    from babel import Locale  # noqa: PLC0415

    return Locale("en")
