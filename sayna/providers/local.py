"""What the engines on this machine share: no key, the pool of engines, and neural speech sentence by sentence."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

from sayna.audio.spec import AudioSpec
from sayna.engines.pool import EnginePool
from sayna.errors import EmptyText, ProviderRejectedRequest
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider


class LocalProvider(TTSProvider):
    """An engine in the helper processes of this machine."""

    auth_fields = ()
    local = True

    def __init__(self) -> None:
        self.pool = EnginePool()

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

    def use_pool(self, pool: EnginePool) -> None:
        """Render in this pool."""
        self.pool = pool

    def close(self) -> None:
        """Let the pool of engines go; the next use takes it again."""
        self.pool.close()
