"""Makes the voices of providers uniform and safe: short strings, known genders, https samples, BCP 47 tags."""

import dataclasses
from collections.abc import Iterable
from urllib.parse import urlsplit

from sayna.providers.base import TTSProvider, Voice
from sayna.speech.voices.accents import UNKNOWN, accent
from sayna.speech.voices.languages import canonical, language_name

GENDERS = ("Male", "Female", "Neutral", UNKNOWN)
# Limits on the text of a provider, before it is stored, sorted and shown to people.
MAX_VOICES = 20_000
MAX_CHARACTERS = 200
MAX_DESCRIPTION = 1000
MAX_URL = 2000
MAX_ITEMS = 100


def normalize(voices: Iterable[Voice], provider: TTSProvider) -> tuple[Voice, ...]:
    """Return the usable voices, each once, with the values that GET /voices documents."""
    usable = {
        voice.id: voice for voice in voices if isinstance(voice.id, str) and provider.voice_pattern.fullmatch(voice.id)
    }
    return tuple(normalized(voice, provider.slug) for voice in list(usable.values())[:MAX_VOICES])


def normalized(voice: Voice, slug: str) -> Voice:
    """Return the voice with the values that GET /voices documents."""
    spoken = [canonical(_text(tag)) for tag in (*voice.languages[:MAX_ITEMS], voice.language)]
    tags = tuple(dict.fromkeys(filter(None, spoken[:-1]))) or tuple(filter(None, spoken))
    language = (language_name(tags[0]) if tags else "") or _text(voice.language or next(iter(voice.languages), ""))
    return dataclasses.replace(
        voice,
        name=_text(voice.name) or voice.id,
        provider=slug,
        sample=_link(voice.sample),
        accent=accent(_text(voice.accent), tags),
        gender=voice.gender if voice.gender in GENDERS else UNKNOWN,
        language=language or UNKNOWN,
        languages=tags,
        sample_rates=tuple(rate for rate in voice.sample_rates if type(rate) is int)[:MAX_ITEMS],
        tags=tuple(filter(None, map(_text, voice.tags[:MAX_ITEMS]))),
        description=_text(voice.description, MAX_DESCRIPTION),
    )


def _text(value: object, longest: int = MAX_CHARACTERS) -> str:
    """Return a string on one line without control characters; an empty one for any other type."""
    if not isinstance(value, str):
        return ""
    shown = "".join(character if character.isprintable() else " " for character in value[: 4 * longest])
    return " ".join(shown.split())[:longest]


def _link(url: object) -> str:
    """Return an https URL, or an empty string for anything else, because web pages play the samples."""
    if not isinstance(url, str) or len(url) > MAX_URL or not url.isascii() or not url.isprintable():
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    # Web pages put the URL into <audio src>, where `javascript:` would run a script of the provider.
    return url if parts.scheme == "https" and parts.hostname and " " not in url else ""
