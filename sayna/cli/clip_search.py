"""Finds the clips of a text, or of a cache key: the cache knows neither texts nor the keys that clients see."""

import contextlib
from collections.abc import Iterable, Iterator
from itertools import product

from sayna.audio import FORMATS, SAMPLE_RATES
from sayna.errors import EmptyText, SaynaError
from sayna.services import Services
from sayna.speech.cache import cache_key
from sayna.speech.cache.clip import ClipInfo
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.text import text_digest


def sounds_of_text(services: Services, text: str) -> tuple[set[str], int]:
    """Return the keys of the sounds of a text, and how many clips of earlier versions are as long and may be of it.

    A clip that was synthesized for another text, which pronunciations turned into this one, is found too.
    Raises EmptyText.
    """
    if not text.strip():
        raise EmptyText("say which text")
    found, unsure, cache, digest = set(), 0, services.cache, text_digest(text)
    tenants = {None, *(each.id for each in services.config.auth.secrets)}
    keys = cache.keys()
    for key in keys:
        clip = cache.get(key)
        if clip is None:
            continue
        plans = [] if clip.info.text_digest == digest else list(_plans(services, text, clip.info, tenants))
        if clip.info.text_digest == digest or any(plan.sound == key for plan in plans):
            found.add(key)
        elif not clip.info.text_digest:
            unsure += clip.info.characters in {len(text), *(plan.characters for plan in plans)}
    return found, unsure


def sounds_of_key(services: Services, key: str) -> set[str]:
    """Return the key of the sound whose form has a cache key, as `cache_key` and ETag say it; or a sound's own key."""
    key = key.strip('"').partition("-")[0].lower()
    sounds = services.cache.keys()
    return {sound for sound in sounds if key == sound or key in _keys_of_forms(sound)}


def _plans(services: Services, text: str, info: ClipInfo, tenants: Iterable[str | None]) -> Iterator[Plan]:
    """Yield what each tenant's pronunciations make of the text in the voice of a clip."""
    for tenant in tenants:
        # The vendor, the voice or the model of the clip may no longer be known here.
        with contextlib.suppress(SaynaError):
            yield services.planner.plan(
                SpeakRequest(
                    text,
                    tenant=tenant,
                    provider=info.provider,
                    voice_id=info.voice_id or None,
                    model=info.model or None,
                    language=info.language or None,
                    speaking_rate=info.speaking_rate,
                )
            )


def _keys_of_forms(sound: str) -> Iterator[str]:
    for audio_format, rate in product(FORMATS, SAMPLE_RATES):
        yield cache_key({"sound": sound, "form": f"{audio_format}-{rate}-0-0"})
