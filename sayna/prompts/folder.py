"""A folder of finished prompts; it knows which sound each file has, so no file is rendered twice."""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from sayna.prompts.check import Prompt
from sayna.speech.cache import Clip

# Appended to after each file, so that a killed command loses nothing.
JOURNAL = ".sayna-prompts"
ENDINGS = {"linear16": "sln", "mulaw": "ulaw", "alaw": "alaw", "opus": "ogg", "wav-mulaw": "wav", "wav-alaw": "wav"}


def file_name(prompt: Prompt) -> str:
    """Return the name of the prompt's file, with the ending that Asterisk has for raw audio."""
    target = prompt.plan.target
    ending = ENDINGS.get(target.audio_format, target.audio_format)
    rate = target.sample_rate // 1000
    return f"{prompt.name}.{ending}{rate if ending == 'sln' and rate > 8 else ''}"  # noqa: PLR2004 - kHz


class PromptFolder:
    """Files of prompts, and a journal with the cache key and the digest of each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: dict[str, list[str]] = {}
        with contextlib.suppress(FileNotFoundError):
            for line in (path / JOURNAL).read_text("utf-8").splitlines():
                # The last line may be cut.
                with contextlib.suppress(ValueError, TypeError):
                    name, *sound = json.loads(line)
                    self._journal[name] = sound

    def holds(self, prompt: Prompt) -> bool:
        """Return whether the folder has the sound of the prompt in an undamaged file."""
        name = file_name(prompt)
        try:
            digest = hashlib.sha256((self._path / name).read_bytes()).hexdigest()
        except OSError:
            return False
        return self._journal.get(name) == [prompt.plan.key, digest]

    def write(self, prompt: Prompt, clip: Clip) -> None:
        """Write the file of the prompt, whole or not at all; raises OSError."""
        name = file_name(prompt)
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        draft.write_bytes(clip.audio)
        draft.replace(path)
        sound = [prompt.plan.key, hashlib.sha256(clip.audio).hexdigest()]
        self._journal[name] = sound
        with (self._path / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps([name, *sound]) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
