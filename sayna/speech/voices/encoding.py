"""Answers of GET /voices as JSON bytes, kept until one of their lists changes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sayna.providers.base import Voice
from sayna.speech.voices.catalogue import VoiceListing
from sayna.speech.voices.languages import speaks

MAX_BYTES = 16 * 2**20
OPTIONAL = ("languages", "sample_rates", "tags", "description", "chain")


@dataclass(frozen=True, slots=True)
class VoiceFilter:
    """Selects voices by a prefix of their language tags, in canonical form, and by gender; "" selects all."""

    language: str = ""
    gender: str = ""

    def admits(self, voice: Voice) -> bool:
        """Return whether the voice is one of those."""
        return (not self.language or speaks(voice.languages, self.language)) and self.gender in ("", voice.gender)


@dataclass(frozen=True, slots=True)
class EncodedVoices:
    """One encoded answer and its entity tag, without quotes; both are equal on every worker."""

    body: bytes
    etag: str


class EncodedVoicesCache:
    """Keeps up to 16 MiB of answers."""

    def __init__(self) -> None:
        self._encoded: dict[object, EncodedVoices] = {}
        self._bytes = 0

    def encoded(self, listing: VoiceListing, wanted: VoiceFilter, own: tuple[Voice, ...] = ()) -> EncodedVoices:
        """Return the encoded answer, made once for each filter until a list changes.

        `own` are the operator's voices, in an array of their own at the end.
        """
        key = wanted, own, *listing.lists.items()
        if found := self._encoded.get(key):
            return found
        body = encode(select(listing, wanted), list(filter(wanted.admits, own)))
        if self._bytes + len(body) > MAX_BYTES:
            # The lists are part of the key, so this also drops the answers of lists that were replaced.
            self._encoded, self._bytes = {}, 0
        self._bytes += len(body)
        self._encoded[key] = found = EncodedVoices(body, hashlib.sha256(body).hexdigest()[:32])
        return found


def select(listing: VoiceListing, wanted: VoiceFilter) -> dict[str, list[Voice]]:
    """Return the selected voices by provider."""
    return {slug: list(filter(wanted.admits, listed.voices)) for slug, listed in listing.lists.items()}


def encode(selected: Mapping[str, Iterable[Voice]], own: Iterable[Voice] = ()) -> bytes:
    """Return the JSON of GET /voices: an array for each provider, and `voices` with all of them.

    The operator's own voices are in `aliases`, which is absent when there are none.
    """
    arrays = {slug: ",".join(map(_encoded, voices)) for slug, voices in selected.items()}
    aliases = ",".join(map(_encoded, own))
    arrays["voices"] = ",".join(filter(None, (*arrays.values(), aliases)))
    if aliases:
        arrays["aliases"] = aliases
    members = [f"{json.dumps(slug)}:[{array}]" for slug, array in arrays.items()]
    return ("{" + ",".join(members) + "}\n").encode()


def _encoded(voice: Voice) -> str:
    fields = {name: value for name, value in asdict(voice).items() if value or name not in OPTIONAL}
    return json.dumps(fields, separators=(",", ":"))
