"""The voices that the operator put into PIPER_VOICES_PATH, each an .onnx and its .onnx.json."""

import functools
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from sayna.log import RateLimitedLogger

# Compared with the names in the folder, never joined to a path: `../../etc/passwd` is an unknown voice.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
SUFFIX = ".onnx"
# The other kinds fetch models of their own from the network.
PHONEME_TYPES = ("espeak", "text")

_rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.piper"))


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """One voice on disk, as its .onnx.json describes it; `version` changes when its files do."""

    id: str
    model: Path
    version: str
    sample_rate: int
    language: str
    dataset: str
    quality: str
    length_scale: float
    speakers: tuple[str, ...]
    speaker_ids: tuple[int, ...]

    def speaker(self, model: str) -> int | None:
        """Return the number of a speaker given by name or number, None when it is unknown."""
        if model in self.speakers:
            return self.speaker_ids[self.speakers.index(model)]
        return int(model) if model.isascii() and model.isdigit() and int(model) in self.speaker_ids else None


def scan(folder: Path) -> dict[str, VoiceFile]:
    """Return the usable voices by id, sorted; one that cannot be read is left out with a warning."""
    found = {}
    try:
        models = sorted(folder.glob(f"*{SUFFIX}"))
    except OSError as error:
        _rate_limited_log.warn("the folder of Piper's voices cannot be read: %r", error)
        return {}
    for model in models:
        voice = _voice(model) if ID.fullmatch(model.stem) else None
        if voice is not None:
            found[voice.id] = voice
    return found


def _voice(model: Path) -> VoiceFile | None:
    try:
        told = model.with_name(f"{model.name}.json")
        seen = (model.stat(), told.stat())
        # The times of both files: a file replaced by an older one does not change the later of the two times.
        return _read(model, told, "-".join(f"{each.st_mtime_ns}-{each.st_size}" for each in seen))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _rate_limited_log.warn("the Piper voice %s cannot be used: %r", model.stem, error)
        return None


@functools.lru_cache(maxsize=1024)
def _read(model: Path, config: Path, version: str) -> VoiceFile:
    told = json.loads(config.read_bytes())
    if told.get("phoneme_type", "espeak") not in PHONEME_TYPES:
        raise ValueError(f"phoneme_type is none of {', '.join(PHONEME_TYPES)}")
    speakers = told.get("speaker_id_map") or {}
    numbers = speakers.values() if speakers else range(int(told["num_speakers"]))
    return VoiceFile(
        id=model.stem,
        model=model,
        version=version,
        sample_rate=int(told["audio"]["sample_rate"]),
        language=str(told.get("language", {}).get("code") or told["espeak"]["voice"]).replace("_", "-"),
        dataset=str(told.get("dataset") or model.stem),
        quality=str(told["audio"].get("quality") or ""),
        length_scale=float(told.get("inference", {}).get("length_scale", 1.0)),
        speakers=tuple(map(str, speakers)),
        speaker_ids=tuple(map(int, numbers)),
    )
