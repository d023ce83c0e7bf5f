"""How full the cache is, by provider and voice, without reading any audio."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CacheStats:
    """How full the cache is; `oldest` is in epoch seconds, `entries` and `providers` count sounds, not their forms."""

    entries: int
    bytes: int
    limit: int
    providers: Mapping[str, int]
    oldest: float | None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How many entries were read, and how many of them were damaged and removed."""

    checked: int
    damaged: int


class Row(NamedTuple):
    """The unexpired entries of one voice: their tag, their number, and the time of the oldest in epoch seconds."""

    tag: str | None
    entries: int
    oldest: float


def labels(tag: str | None) -> tuple[str, str]:
    """Return provider and voice of a tag; both are empty for a row that this cache did not write."""
    try:
        provider, voice = json.loads(tag or "")
    except (TypeError, ValueError):
        return "", ""
    return str(provider), str(voice)


def matches(found: tuple[str, str], provider: str | None, voice: str | None) -> bool:
    """Whether an entry has this provider and this voice; None matches any."""
    return provider in (None, found[0]) and voice in (None, found[1])
