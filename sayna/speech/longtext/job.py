"""The parts of a long text rendered a few at a time and joined, in order, as one run of samples."""

import contextvars
import dataclasses
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sayna import audio
from sayna.audio.spec import AudioSpec
from sayna.errors import EmptyText, Overloaded
from sayna.http import Deadline
from sayna.providers.base import AudioStream, SpeechRequest, SynthesisParams, TTSProvider
from sayna.speech.longtext.split import Limit, split
from sayna.speech.text import has_speech

# Parts that are synthesized while the client receives an earlier one: enough that the next is ready when one ends.
# Each is billed even if the client disconnects.
PREFETCH = 2
# What a part without anything to say becomes, such as a ruler of dashes.
SILENCE_MS = 300
# Places in a text, in order, and the milliseconds of silence there.
Pauses = Sequence[tuple[int, int]]

# Calls a provider; the second argument says whether the answer to the client can still be an error.
Ask = Callable[[SpeechRequest, bool], AudioStream]


def synthesize(
    provider: TTSProvider, request: SpeechRequest, seconds: float, *, pauses: Pauses = (), ask: Ask | None = None
) -> AudioStream:
    """Return the speech of a text of any length with its pauses; each part of a long one may take `seconds`.

    `ask` calls the provider, once for each part; without it, the provider is called as it is.
    Raises as TTSProvider.synthesize does. A part that fails, fails the whole.
    """
    limit = _limit(provider, request)
    ask = ask or (lambda request, is_first: provider.synthesize(request))
    if not pauses and limit.parts(request.text) == 1:
        return ask(request, True)
    return _Job(request, seconds, ask, _pieces(request.text, request.language, limit, pauses)).start()


def allowance(provider: TTSProvider, speech: SynthesisParams, seconds: float, pauses: Pauses = ()) -> float:
    """Return the seconds that a whole text may take when each of its parts may take `seconds`."""
    limit = _limit(provider, speech)
    return seconds * sum(limit.parts(text) for text, _ in _passages(speech.text, pauses))


def _passages(text: str, pauses: Pauses) -> Iterator[tuple[str, int]]:
    """Yield the text before each pause with its milliseconds, and the rest with 0."""
    start = 0
    for place, silence_ms in pauses:
        yield text[start:place], silence_ms
        start = place
    yield text[start:], 0


def _pieces(text: str, language: str, limit: Limit, pauses: Pauses) -> Iterator[str | int]:
    """Yield the parts of a text and the milliseconds of its pauses, in order."""
    for passage, silence_ms in _passages(text, pauses):
        yield from split(passage, language, limit)
        if silence_ms:
            yield silence_ms


def _limit(provider: TTSProvider, speech: SynthesisParams) -> Limit:
    return Limit(provider.chars_at_once(speech.model), provider.max_bytes)


class _Job:
    """Asks the provider for samples: coded audio cannot be joined without a gap or a click."""

    def __init__(self, request: SpeechRequest, seconds: float, ask: Ask, pieces: Iterator[str | int]) -> None:
        self._ask_provider = ask
        self._request = dataclasses.replace(request, target=AudioSpec("linear16", request.target.sample_rate))
        self._seconds = seconds
        self._pieces = pieces
        self._leading_ms = 0
        self._pool = ThreadPoolExecutor(PREFETCH, thread_name_prefix="part")
        self._lock = threading.Lock()
        self._open: list[AudioStream] = []
        self._closed = False
        self._spec = self._request.target

    def start(self) -> AudioStream:
        """Return the joined stream once the provider has accepted the first part."""
        try:
            first = self._first()
        except BaseException:
            self.close()
            raise
        self._spec = AudioSpec("linear16", first.spec.sample_rate)
        return AudioStream(self._spec, self._joined(first), self.close)

    def _first(self) -> AudioStream:
        """Return the first part that has sound; only that one knows the sample rate of the silence before it."""
        while True:
            piece = next(self._pieces, None)
            if piece is None:
                raise EmptyText("there is nothing to say in this text")
            if isinstance(piece, str) and (stream := self._ask(piece, is_first=True)):
                return stream
            self._leading_ms += SILENCE_MS if isinstance(piece, str) else piece

    def close(self) -> None:
        """Cancel the running parts; may be called again, and from any thread."""
        with self._lock:
            self._closed = True
            streams, self._open = self._open, []
        self._pool.shutdown(wait=False, cancel_futures=True)
        for stream in streams:
            stream.close()

    def _joined(self, first: AudioStream) -> Iterator[bytes]:
        try:
            ahead = deque(self._later(PREFETCH))
            if self._leading_ms:
                yield self._silence(self._leading_ms)
            yield from self._samples(first)
            while ahead:
                part = ahead.popleft().result()
                ahead.extend(self._later(1))
                yield from part
        finally:
            self.close()

    def _later(self, count: int) -> Iterator[Future[list[bytes]]]:
        for piece in itertools.islice(self._pieces, count):
            run = contextvars.copy_context().run
            try:
                part = self._pool.submit(run, self._whole, piece)
            except RuntimeError as error:
                raise Overloaded("no thread is free to render speech; try again", retry_after=1) from error
            yield part

    def _whole(self, piece: str | int) -> list[bytes]:
        if isinstance(piece, int):
            return [self._silence(piece)]
        stream = self._ask(piece, is_first=False)
        return list(self._samples(stream)) if stream else [self._silence(SILENCE_MS)]

    def _silence(self, milliseconds: int) -> bytes:
        return bytes(2 * round(milliseconds * self._spec.sample_rate / 1000))

    def _ask(self, text: str, *, is_first: bool) -> AudioStream | None:
        """Return the audio of one part, None when it has nothing to say."""
        if not has_speech(text):
            return None
        deadline = Deadline.after(self._seconds)
        # Each part has its own deadline, but all are cancelled with the whole request.
        self._request.deadline.when_cancelled(deadline.cancel)
        try:
            stream = self._ask_provider(dataclasses.replace(self._request, text=text, deadline=deadline), is_first)
        except EmptyText:
            return None
        with self._lock:
            self._open.append(stream)
            closed = self._closed
        if closed:
            stream.close()
        return stream

    def _samples(self, stream: AudioStream) -> Iterator[bytes]:
        yield from audio.convert(audio.checked(stream.chunks, stream.spec), stream.spec, self._spec)
        with self._lock:
            if stream in self._open:
                self._open.remove(stream)
        stream.close()
