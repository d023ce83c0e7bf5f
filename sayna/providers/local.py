"""What the engines on this machine share: no key, the pool of engines, and neural speech sentence by sentence."""

import importlib.util
import itertools
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.engines.pool import EnginePool
from sayna.errors import EmptyText, ProviderRejectedRequest
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider


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

    def spoken(self, engine: bytes, told: Mapping[str, Any], request: SpeechRequest, sample_rate: int) -> AudioStream:
        """Return linear16 by sentence; `told` is the request to the engine. Raises EmptyText when there is no sound."""
        sentences = self.pool.sentences(engine, json.dumps(told).encode(), request.deadline)
        first = next(sentences, None)
        # A sign without a name, for instance.
        if first is None:
            raise EmptyText("there is nothing to say in this text")
        chunks = itertools.chain((first,), sentences)
        return AudioStream(AudioSpec("linear16", sample_rate), chunks, sentences.close)

    def unknown_voice(self) -> ProviderRejectedRequest:
        """Return the error of a voice that the engine does not have."""
        return ProviderRejectedRequest(f"{self.slug} does not know this voice; GET /voices lists them")

    def close(self) -> None:
        """Let the pool of engines go; the next use takes it again."""
        self.pool.close()


def is_installed(*packages: str) -> bool:
    """Return whether all of these Python packages can be imported."""
    return all(map(importlib.util.find_spec, packages))
