"""espeak-ng as a speech vendor: the embedded default that needs no key and no network.

Library: https://github.com/espeak-ng/espeak-ng (GPL-3.0), from the wheel `espeakng-loader`, never loaded into
this process. Quirks: every base voice claims to be male, so gender is "Unknown"; the length varies by 0.3 %
from run to run; below 80 words a minute (0.46 x) the rate falls no further.
"""

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sayna import errors
from sayna.audio.spec import AudioSpec
from sayna.config import KeyedConfig, setting
from sayna.config.types import boolean
from sayna.engines import wire
from sayna.engines.engine_text import fitted
from sayna.engines.espeak_library import SAMPLE_RATE, SETTINGS
from sayna.http import Deadline
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.espeak.resumed_speech import ResumedSpeech, harmless_versions
from sayna.providers.espeak.voice_table import DEFAULT_LANGUAGE, DEFAULT_VOICE, DEFAULTS, EspeakVoices
from sayna.providers.local import LocalProvider

# espeak-ng's own; the pace follows it in proportion from 80 (0.46 x) to 700 (3.9 x, measured).
WORDS_A_MINUTE = 175
TABLE_SECONDS = 5.0
# U+0001 begins commands of the library, NUL ends its text.
CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class EspeakConfig(KeyedConfig):
    """The setting of the embedded engine, which needs no key and no network."""

    enabled: bool = setting("ESPEAK_ENABLED", boolean, True, "The embedded engine, on or off.")


class Espeak(LocalProvider):
    """The embedded engine; a voice id is an identifier, a name or a tag, each with an optional +variant."""

    slug = "espeak"
    config_class = EspeakConfig
    facts = ProviderFacts("nothing", "linear16 22.05 kHz", remark=", built in")
    default_voice = DEFAULT_VOICE
    # Names are accepted too, such as English (America). They are looked up in the table, never joined to a path.
    voice_pattern = re.compile(r"[^\W_][\w ,()'/-]{0,63}(\+[^\W_][\w ]{0,31})?")
    rates = (0.46, 4.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "pitch": SettingSpec(int, 0, 99),
        "pitch_range": SettingSpec(int, 0, 99),
        "volume": SettingSpec(int, 0, 200),
        "word_gap": SettingSpec(int, 0, 100),
    }
    sound_version = 1  # 0 dropped the end of long clauses and digits of other scripts
    packages = ("espeakng_loader",)

    def __init__(self, config: EspeakConfig) -> None:
        super().__init__(config)
        self._catalogue: EspeakVoices | None = None

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return linear16 at 22,050 Hz; raises ProviderRejectedRequest for an unknown voice, EmptyText for no sound."""
        voice = self._identifier(request.voice_id, request.deadline)
        head = self._wheel() + _settings(request.speaking_rate, request.settings) + voice.encode() + b"\0"
        text = fitted(CONTROLS.sub(" ", request.text))
        speech = ResumedSpeech(self.pool, head, harmless_versions(text), request.deadline)
        return AudioStream(AudioSpec("linear16", SAMPLE_RATE), speech, speech.close)

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return the base voices; each takes any variant, which are not listed one by one."""
        return self._table(deadline).listed()

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the named voice, else one for the language; raises ProviderRejectedRequest."""
        if voice_id or not language:
            return voice_id or self.default_voice, model
        found = DEFAULTS.get(language.lower()) or self._table(Deadline.after(TABLE_SECONDS)).for_language(language)
        if not found:
            raise errors.ProviderRejectedRequest("espeak has no voice for this language; GET /voices lists them")
        return found, model

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the tags of a voice, none for an unknown one."""
        if voice_id == DEFAULT_VOICE:
            return (DEFAULT_LANGUAGE,)
        return self._table(Deadline.after(TABLE_SECONDS)).languages_of(voice_id)

    def _wheel(self) -> bytes:
        """Return the paths of library and data as the engine process takes them; raises ProviderNotConfigured."""
        if not self.configured:
            raise errors.ProviderNotConfigured("The embedded engine is off: set ESPEAK_ENABLED=true and install it.")
        return _paths()

    def _identifier(self, voice_id: str, deadline: Deadline) -> str:
        if voice_id == DEFAULT_VOICE:
            return voice_id
        found = self._table(deadline).identifier(voice_id)
        if not found:
            raise self.unknown_voice()
        return found

    def _table(self, deadline: Deadline) -> EspeakVoices:
        if self._catalogue is None:
            self._catalogue = EspeakVoices(b"".join(self.pool.sentences(wire.VOICES, self._wheel(), deadline)).decode())
        return self._catalogue


@functools.cache
def _paths() -> bytes:
    import espeakng_loader  # noqa: PLC0415 - may be left out for its licence

    return b"".join(
        os.fsencode(path()) + b"\0" for path in (espeakng_loader.get_library_path, espeakng_loader.get_data_path)
    )


def _settings(rate: float, settings: Mapping[str, Any]) -> bytes:
    """Pack every parameter, so that no request inherits one from an earlier request."""
    return SETTINGS.pack(
        round(WORDS_A_MINUTE * rate),
        settings.get("volume", 100),
        settings.get("pitch", 50),
        settings.get("pitch_range", 50),
        settings.get("word_gap", 0),
    )
