"""Speech that goes on when a text has killed the engine process: the rest is said without what kills."""

import itertools
import unicodedata
from collections.abc import Iterator

from sayna.engines.espeak_library import SAMPLE_RATE
from sayna.engines.pool import EnginePool
from sayna.engines.response import EngineDied, EngineResponse
from sayna.engines.wire import ESPEAK
from sayna.errors import EmptyText
from sayna.http import Deadline

HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
# 20 ms. The library makes 7 ms of a sign for which the voice has no name.
LEAST_BYTES = 2 * SAMPLE_RATE // 50


class ResumedSpeech(Iterator[bytes]):
    """The samples of one text as an iterator; `versions` are tried in turn while the engine dies of them.

    A later version goes on at the sample where the engine died.
    """

    def __init__(self, pool: EnginePool, head: bytes, versions: Iterator[str], deadline: Deadline) -> None:
        self._pool, self._head, self._versions, self._deadline = pool, head, versions, deadline
        self._response = self._begin()
        chunks, first = self._chunks(), b""
        while len(first) < LEAST_BYTES:
            if not (chunk := next(chunks, b"")):
                raise EmptyText("there is nothing to say in this text")
            first += chunk
        self._samples = itertools.chain((first,), chunks)

    def __next__(self) -> bytes:
        """Return the next samples; raises ProviderError and its kinds."""
        return next(self._samples)

    def close(self) -> None:
        """Cancel the synthesis; a second call does nothing."""
        self._versions = iter(())
        self._response.close()

    def _begin(self) -> EngineResponse:
        """Ask for the next version; raises the last EngineDied when there is none left."""
        died: EngineDied | None = None
        for text in self._versions:
            try:
                return self._pool.ask(ESPEAK, self._head + text.encode(errors="replace"), self._deadline)
            except EngineDied as error:
                died = error
        raise died or EngineDied("The embedded engine died while it rendered this text.")

    def _chunks(self) -> Iterator[bytes]:
        sent = skip = 0
        while True:
            try:
                for chunk in self._response:
                    unheard = chunk[skip:]
                    skip -= min(skip, len(chunk))
                    sent += len(unheard)
                    if unheard:
                        yield unheard
            except EngineDied:
                self._response, skip = self._begin(), sent
            else:
                return


def harmless_versions(text: str) -> Iterator[str]:
    """Yield a text as it is, then without hyphens, then with nothing but letters, digits and full stops."""
    yield text
    yield text.translate(dict.fromkeys(map(ord, HYPHENS), " "))
    yield "".join(each if unicodedata.category(each)[0] in "LMN" or each == "." else " " for each in text)
