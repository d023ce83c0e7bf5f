"""Piper's models in the engine process: loaded on first use, few at a time, a sentence a step."""

import functools
import json
import os
from pathlib import Path

from piper import SynthesisConfig
from piper.config import PiperConfig

from sayna.engines.neural_session import session
from sayna.engines.whole_voice import WholeVoice
from sayna.engines.wire import AUDIO, END, Send, Steps

# Real models are tens of MB each.
VOICES_KEPT = 3
THREADS_OF_A_MODEL = max(1, min(4, (os.cpu_count() or 2) // 2))


def say(payload: bytes, send: Send) -> Steps:
    """Say one text: JSON of the model's path, its version, the text, and Piper's own settings."""
    told = json.loads(payload)
    voice = _voice(told["model"], told["version"])
    for chunk in voice.synthesize(told["text"], SynthesisConfig(**told["settings"])):
        send(AUDIO, chunk.audio_int16_bytes)
        yield
    return END


@functools.lru_cache(maxsize=VOICES_KEPT)
def _voice(path: str, _version: str) -> WholeVoice:
    """Return a voice whose model runs on few threads; PiperVoice.load() has no option for that."""
    model = Path(path)
    told = json.loads(model.with_name(f"{model.name}.json").read_bytes())
    # Some voices have PhonemeType.ESPEAK here (github.com/OHF-Voice/piper1-gpl/issues/120).
    told["phoneme_type"] = told.get("phoneme_type", "espeak").rpartition(".")[2].lower()
    return WholeVoice(session=session(model, THREADS_OF_A_MODEL), config=PiperConfig.from_dict(told))
