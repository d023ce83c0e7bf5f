"""Finds the clips of a text, or of a cache key: the cache knows neither texts nor the keys that clients see."""

from collections.abc import Iterator
from itertools import product

from sayna.audio import FORMATS, SAMPLE_RATES
from sayna.errors import EmptyText, SaynaError
from sayna.services import Services
from sayna.speech.cache import cache_key
from sayna.speech.cache.clip import ClipInfo
from sayna.speech.plan import SpeakRequest


def sounds_of_text(services: Services, text: str) -> tuple[set[str], int]:
    """Return the keys of the sounds of a text, and how many others are as long and may be of it.

    The key of a sound also holds voice settings and credentials, which the cache does not know: those are the others.
    Raises EmptyText.
    """
    if not text.strip():
        raise EmptyText("say which text")
    found, unsure, cache = set(), 0, services.cache
    keys = cache.keys()
    for key in keys:
        clip = cache.get(key)
        if clip is None:
            continue
        try:
            plan = services.planner.plan(_request(text, clip.info))
        except SaynaError:
            # The vendor, the voice or the model of the clip is no longer known here.
            unsure += clip.info.characters == len(text)
            continue
        if plan.sound == key:
            found.add(key)
        else:
            unsure += clip.info.characters == plan.characters
    return found, unsure


def sounds_of_key(services: Services, key: str) -> set[str]:
    """Return the key of the sound whose form has a cache key, as `cache_key` and ETag say it; or a sound's own key."""
    key = key.strip('"').partition("-")[0].lower()
    sounds = services.cache.keys()
    return {sound for sound in sounds if key == sound or key in _keys_of_forms(sound)}


def _request(text: str, info: ClipInfo) -> SpeakRequest:
    return SpeakRequest(
        text,
        provider=info.provider,
        voice_id=info.voice_id or None,
        model=info.model or None,
        language=info.language or None,
        speaking_rate=info.speaking_rate,
    )


def _keys_of_forms(sound: str) -> Iterator[str]:
    for audio_format, rate in product(FORMATS, SAMPLE_RATES):
        yield cache_key({"sound": sound, "form": f"{audio_format}-{rate}-0-0"})
