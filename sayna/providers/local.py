"""What the engines on this machine share: no key, the pool of engines, and neural speech sentence by sentence."""

import importlib.util
import itertools
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.engines.pool import EnginePool
from sayna.errors import EmptyText, ProviderRejectedRequest
from sayna.http import Deadline
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider, Voice


class LocalProvider(TTSProvider):
    """An engine in the helper processes of this machine."""

    auth_fields = ()
    local = True

    # What must be installed.
    packages: ClassVar[tuple[str, ...]]

    def __init__(self, config: Any) -> None:
        # A pool of its own, until it is given the one that all workers share.
        self.pool = EnginePool()
        self.configured = config.configured and is_installed(*self.packages)

    def unknown_voice(self) -> ProviderRejectedRequest:
        """Return the error of a voice that the engine does not have."""
        return ProviderRejectedRequest(f"{self.slug} does not know this voice; GET /voices lists them")

    def close(self) -> None:
        """Let the pool of engines go; the next use takes it again."""
        self.pool.close()


@dataclass(frozen=True, slots=True)
class NeuralVoice:
    """A voice and its files: `model` is empty for one that the engine brings itself.

    `version` changes when the files do, and is empty where they cannot.
    """

    model: str
    version: str
    listed: Voice

    @property
    def language(self) -> str:
        """The one language that it speaks."""
        return self.listed.languages[0]


class NeuralProvider(LocalProvider):
    """An engine whose voices are files, and that speaks sentence by sentence."""

    @abstractmethod
    def voices(self) -> Mapping[str, NeuralVoice]:
        """Return the usable voices by id, as the files are now."""

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return the usable voices."""
        return [voice.listed for voice in self.voices().values()]

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the one language of a voice, none for an unknown voice."""
        voice = self.voices().get(voice_id)
        return voice.listed.languages if voice else ()

    def version_of(self, voice_id: str) -> str | None:
        """Return the version of a voice's files, empty while there are none, None when they cannot change."""
        voice = self.voices().get(voice_id)
        return (voice.version or None) if voice else ""

    def spoken(self, engine: bytes, told: Mapping[str, Any], request: SpeechRequest, sample_rate: int) -> AudioStream:
        """Return linear16 by sentence; `told` is the request to the engine. Raises EmptyText when there is no sound."""
        sentences = self.pool.sentences(engine, json.dumps(told).encode(), request.deadline)
        first = next(sentences, None)
        # A sign without a name, for instance.
        if first is None:
            raise EmptyText("there is nothing to say in this text")
        chunks = itertools.chain((first,), sentences)
        return AudioStream(AudioSpec("linear16", sample_rate), chunks, sentences.close)


def is_installed(*packages: str) -> bool:
    """Return whether all of these Python packages can be imported."""
    return all(map(importlib.util.find_spec, packages))
