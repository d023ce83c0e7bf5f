"""hibari as a speech vendor: natural English on this machine, no key and no network.

Library: https://github.com/MMWilliams/hibari (Apache-2.0), installed by requirements-neural.txt only. Quirks: it
reads Latin letters only, and numbers of 36 digits at most; it would download voices that are not there, so Sayna
gives it files. One voice is in its package, the others come from the operator.
"""

import functools
import importlib.util
import json
import logging
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sayna.config import setting
from sayna.config.types import boolean, folder
from sayna.engines.wire import HIBARI
from sayna.errors import ProviderRejectedRequest
from sayna.log import RateLimitedLogger
from sayna.providers.base import AudioStream, ProviderFacts, SpeechRequest, Voice
from sayna.providers.local import NeuralProvider, NeuralVoice, is_installed

_rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.hibari"))
PACKAGES = ("hibari", "onnxruntime")
# Known without the package, which lists the same.
DEFAULT_VOICE = "heart"
RATE = 24000
# Thirty digits with their commas are read; 36 are the limit of the package.
ENDLESS_NUMBER = re.compile(r"(?:\d[,. ]?){30}\d")
SPOKEN_SIGNS = frozenset("+<=>|~\u00ac\u00b1\u00d7\u00f7\u2044\u2192\u2190")
PICTURES = 0x2600  # from here on signs are pictures, which hibari leaves out


@dataclass(frozen=True, slots=True)
class HibariConfig:
    """The settings of the natural voice."""

    enabled: bool = setting("HIBARI_ENABLED", boolean, True, "The natural English voice, on or off, where installed.")
    voices_path: Path | None = setting(
        "HIBARI_VOICES_PATH", folder, None, "Folder of further hibari voices, under the file names of its package."
    )

    @property
    def configured(self) -> bool:
        """Whether the voice is left on and its package is installed."""
        return self.enabled and is_installed(*PACKAGES)


class Hibari(NeuralProvider):
    """The voice in hibari's package, and those in HIBARI_VOICES_PATH; a voice id is the name of the voice."""

    slug = "hibari"
    config_class = HibariConfig
    facts = ProviderFacts("`requirements-neural.txt`", "linear16 24 kHz", "by sentence", remark=", English, local")
    default_voice = DEFAULT_VOICE
    default_language = "en-US"
    rates = (0.5, 2.0)
    understudy = "espeak"
    # All phonemes of a text are made before its first sound: 20 ms for this many characters.
    max_chars = 1000
    how_to_configure = (
        "hibari is not configured: leave HIBARI_ENABLED on and run scripts/install requirements-neural.txt"
    )
    packages = PACKAGES

    def __init__(self, config: HibariConfig) -> None:
        super().__init__(config)
        self._folder = config.voices_path if self.configured else None

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return linear16 at 24,000 Hz, by sentence; raises ProviderRejectedRequest, EmptyText for no sound."""
        voice = self.voices().get(request.voice_id)
        if voice is None:
            raise self.unknown_voice()
        told = {
            "model": voice.model,
            "version": voice.version,
            "is_british": voice.language == "en-GB",
            "speed": request.speaking_rate,
            "text": request.text,
        }
        return self.spoken(HIBARI, told, request, RATE)

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the named voice, else one with the region of the language; raises ProviderRejectedRequest."""
        if not _is_english(language or "en"):
            raise ProviderRejectedRequest("hibari speaks English only; leave language or provider out")
        same = (name for name, voice in self.voices().items() if voice.language == language)
        return voice_id or next(same, self.default_voice), model

    def suits(self, text: str, language: str, names: Collection[str]) -> bool:
        """Return whether a request without a provider is for English, and names nothing that hibari lacks."""
        if not all(name in self.voices() for name in names):
            return False
        return _is_english(language) if language else all(map(_is_latin, text))

    def reads(self, text: str) -> bool:
        """Return whether hibari says all of a text; pictures it leaves out."""
        return not ENDLESS_NUMBER.search(text) and any(map(str.isalnum, text)) and all(map(_is_readable, text))

    def voices(self) -> Mapping[str, NeuralVoice]:
        """Return the voice in the package and those in the folder."""
        packaged = {"language": "en-US", "gender": "female", "accent": "American"}
        voices = {DEFAULT_VOICE: _voice(DEFAULT_VOICE, "", "", packaged)}
        if self._folder is None:
            return voices
        for name, told in _registry().items():
            file = self._folder / told["file"]
            try:
                if name != DEFAULT_VOICE and file.is_file():
                    found = file.stat()
                    voices[name] = _voice(name, str(file), f"{found.st_mtime_ns}-{found.st_size}", told)
            except OSError as error:
                _rate_limited_log.warn("the hibari voice %s cannot be used: %r", name, error)
        return voices


def _voice(name: str, model: str, version: str, told: Mapping[str, str]) -> NeuralVoice:
    listed = Voice(
        id=name,
        name=name.title(),
        provider=Hibari.slug,
        gender=told["gender"].title(),
        accent=told["accent"],
        languages=(told["language"],),
        sample_rates=(RATE,),
        tags=("natural",),
    )
    return NeuralVoice(model, version, listed)


@functools.cache
def _registry() -> dict[str, dict[str, str]]:
    """Return the voices that hibari knows, from its package, without importing it."""
    found = importlib.util.find_spec("hibari")
    assert found is not None
    assert found.submodule_search_locations
    registry: dict[str, dict[str, str]] = json.loads(
        Path(found.submodule_search_locations[0], "assets", "voices.json").read_bytes()
    )
    return registry


def _is_english(language: str) -> bool:
    return language.partition("-")[0].lower() == "en"


@functools.lru_cache(maxsize=4096)
def _is_latin(character: str) -> bool:
    """Return whether a character is no letter, or one that hibari knows."""
    return character.isascii() or not character.isalpha() or unicodedata.name(character, "").startswith("LATIN")


@functools.lru_cache(maxsize=4096)
def _is_readable(character: str) -> bool:
    """Return whether hibari says a character, or may leave it out."""
    if character.isascii():
        return True
    if character.isdecimal() or not _is_latin(character):
        return False
    # A formula loses its meaning without its signs.
    return unicodedata.category(character) != "Sm" or character in SPOKEN_SIGNS or ord(character) >= PICTURES
