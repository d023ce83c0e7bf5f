"""Answers of GET /voices as bytes, kept for as long as the lists that they were made of."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sayna.providers.base import Voice
from sayna.speech.voices.catalogue import Listing
from sayna.speech.voices.languages import canonical, speaks

MAX_BYTES = 16 * 2**20
OPTIONAL = ("languages", "sample_rates", "tags", "description")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which voices are wanted: a prefix of their language tags, and a gender; empty strings want all."""

    language: str = ""
    gender: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One encoded answer and its entity tag, without quotes; the same on every worker."""

    body: bytes
    etag: str


class Pages:
    """Remembers up to 16 MiB of answers."""

    def __init__(self) -> None:
        self._pages: dict[object, Page] = {}
        self._bytes = 0

    def page(self, listing: Listing, wanted: Filter) -> Page:
        """Return the encoded answer; made once for each filter until a list changes."""
        key = wanted, *listing.lists.items()
        found = self._pages.get(key)
        if found is None:
            body = encode(select(listing, wanted))
            found = Page(body, hashlib.sha256(body).hexdigest()[:32])
            self._keep(key, found)
        return found

    def _keep(self, key: object, page: Page) -> None:
        if self._bytes + len(page.body) > MAX_BYTES:
            # Keyed by the lists themselves: pages of one that was renewed are never asked for
            # again, and go here.
            self._pages, self._bytes = {}, 0
        self._bytes += len(page.body)
        self._pages[key] = page


def select(listing: Listing, wanted: Filter) -> dict[str, list[Voice]]:
    """Return the wanted voices of each vendor."""
    language = canonical(wanted.language) or wanted.language
    return {
        slug: [
            voice
            for voice in listed.voices
            if (not language or speaks(voice.languages, language))
            and (not wanted.gender or voice.gender == wanted.gender)
        ]
        for slug, listed in listing.lists.items()
    }


def encode(selected: Mapping[str, Iterable[Voice]]) -> bytes:
    """Return the contract's JSON: an array for each vendor, and `voices` with all of them."""
    arrays = {slug: ",".join(map(_encoded, voices)) for slug, voices in selected.items()}
    everyone = ",".join(filter(None, arrays.values()))
    members = [f"{json.dumps(slug)}:[{array}]" for slug, array in {**arrays, "voices": everyone}.items()]
    return ("{" + ",".join(members) + "}\n").encode()


def _encoded(voice: Voice) -> str:
    fields = {name: value for name, value in asdict(voice).items() if value or name not in OPTIONAL}
    return json.dumps(fields, separators=(",", ":"))
