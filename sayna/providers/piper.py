"""Piper as a speech vendor: neural voices on this machine, no key and no network.

Library: https://github.com/OHF-Voice/piper1-gpl (GPL-3.0-or-later), installed by requirements-piper.txt only.
Quirks: each sentence is brought to full loudness; a text without anything to say has no audio at all; voices
differ in rate (16,000 or 22,050 Hz) and licence.
"""

import functools
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sayna.config import KeyedConfig, setting
from sayna.config.types import folder
from sayna.engines.wire import PIPER
from sayna.errors import ProviderNotConfigured, ProviderRejectedRequest
from sayna.log import RateLimitedLogger
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.local import NeuralProvider, NeuralVoice
from sayna.state.files import Check

# The other kinds fetch models of their own from the network.
PHONEME_TYPES = ("espeak", "text")

log = logging.getLogger("sayna.piper")
_rate_limited_log = RateLimitedLogger(log)


@dataclass(frozen=True, slots=True)
class PiperConfig(KeyedConfig):
    """The settings of Piper."""

    voices_path: Path | None = setting(
        "PIPER_VOICES_PATH", folder, None, "Folder of Piper voices, each an .onnx and its .onnx.json."
    )


@dataclass(frozen=True, slots=True)
class VoiceFile(NeuralVoice):
    """A voice as its .onnx.json describes it; `speakers` are the numbers of its speakers, by name and by number."""

    length_scale: float
    speakers: Mapping[str, int]


class Piper(NeuralProvider):
    """The voices in PIPER_VOICES_PATH; `model` names a speaker of a voice that has several."""

    slug = "piper"
    config_class = PiperConfig
    facts = ProviderFacts("`PIPER_VOICES_PATH`", "linear16 at the voice's rate", "by sentence", remark=", local")
    default_voice = ""
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {
        "noise_scale": SettingSpec(float, 0, 2),
        "noise_w_scale": SettingSpec(float, 0, 2),
        "volume": SettingSpec(float, 0.05, 2),
    }
    sound_version = 1  # 0 dropped the end of long clauses and digits of other scripts
    # Piper itself takes any length; parts of this size have a deadline of their own.
    max_chars = 2000

    packages = ("piper",)
    how_to_configure = "piper is not configured: set PIPER_VOICES_PATH to a folder of voices"

    def __init__(self, config: PiperConfig) -> None:
        super().__init__(config)
        self._folder = config.voices_path
        if self._folder and not self.configured:
            self.how_to_configure = "piper is not installed: pip install -r requirements-piper.txt"
            log.warning(self.how_to_configure)

    def check(self) -> Check:
        """Return `failed` when the folder is set and the engine finds no usable voice in it."""
        if self._folder is None:
            return "off"
        return "ok" if self.configured and self.voices() else "failed"

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return linear16 at the voice's own rate, sentence by sentence; raises ProviderRejectedRequest."""
        voice = self.voices().get(request.voice_id)
        if voice is None:
            raise self.unknown_voice()
        speaker = voice.speakers.get(request.model)
        if request.model and speaker is None:
            raise ProviderRejectedRequest("piper does not know this speaker (model) of the voice; see GET /voices")
        settings = {
            "speaker_id": speaker,
            # Piper stretches: twice the length is half the rate.
            "length_scale": voice.length_scale / request.speaking_rate,
            **request.settings,
        }
        told = {"model": voice.model, "version": voice.version, "settings": settings, "text": request.text}
        return self.spoken(PIPER, told, request, voice.listed.sample_rates[0])

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the named voice, else the first that speaks the language, else the first."""
        if voice_id:
            return voice_id, model
        if not self.configured:
            raise ProviderNotConfigured(self.how_to_configure)
        voices = self.voices()
        wanted = language.lower()
        for tag in filter(None, (wanted, wanted.partition("-")[0])):
            for name, voice in voices.items():
                if f"{voice.language.lower()}-".startswith(f"{tag}-"):
                    return name, model
        if language or not voices:
            raise ProviderRejectedRequest("piper has no voice for this; GET /voices lists them")
        return next(iter(voices)), model

    def voices(self) -> Mapping[str, VoiceFile]:
        """Return the voices in the folder, sorted; one that cannot be read is left out with a warning."""
        found: dict[str, VoiceFile] = {}
        try:
            models = sorted(self._folder.glob("*.onnx")) if self._folder else []
        except OSError as error:
            _rate_limited_log.warn("the folder of Piper's voices cannot be read: %r", error)
            return found
        # Ids are compared with these names, never joined to a path: `../../etc/passwd` is an unknown voice.
        for model in (each for each in models if self.voice_pattern.fullmatch(each.stem)):
            try:
                config = model.with_name(f"{model.name}.json")
                seen = (model.stat(), config.stat())
                # The times of both files: a file replaced by an older one does not change the later of the two times.
                version = "-".join(f"{each.st_mtime_ns}-{each.st_size}" for each in seen)
                found[model.stem] = _read(model, config, version)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                _rate_limited_log.warn("the Piper voice %s cannot be used: %r", model.stem, error)
        return found


@functools.lru_cache(maxsize=1024)
def _read(model: Path, config: Path, version: str) -> VoiceFile:
    told = json.loads(config.read_bytes())
    if told.get("phoneme_type", "espeak").rpartition(".")[2].lower() not in PHONEME_TYPES:
        raise ValueError(f"phoneme_type is none of {', '.join(PHONEME_TYPES)}")
    names = {str(name): int(number) for name, number in (told.get("speaker_id_map") or {}).items()}
    numbers = names.values() if names else range(int(told["num_speakers"]))
    language = str(told.get("language", {}).get("code") or told["espeak"]["voice"])
    dataset, quality = str(told.get("dataset") or model.stem), str(told["audio"].get("quality") or "")
    listed = Voice(
        id=model.stem,
        name=f"{dataset} ({quality})" if quality else dataset,
        provider=Piper.slug,
        languages=(language.replace("_", "-"),),
        sample_rates=(int(told["audio"]["sample_rate"]),),
        tags=(quality,),
        description=f"Speakers (model): {', '.join(names)}" if names else "",
    )
    length_scale = float(told.get("inference", {}).get("length_scale", 1.0))
    speakers = {str(number): number for number in numbers} | names
    return VoiceFile(str(model), version, listed, length_scale, speakers)
