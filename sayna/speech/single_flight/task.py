"""The one object that a request passes down: how its synthesis starts, is cancelled and is stored."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sayna.audio.spec import AudioSpec

UNKNOWN = AudioSpec("", 0)
LATE = "the speech provider did not respond in time; try again"


@dataclass(slots=True)
class Synthesis:
    """Audio under way: `chunks` may raise a SaynaError, and `close` frees the provider.

    `spec` is what the chunks are. `created` is the time of this take, in epoch seconds. `is_cached` means that the
    audio was stored already: no provider is called and nothing is stored. `is_remote`: another machine calls it.
    """

    chunks: Iterator[bytes]
    close: Callable[[], None] = field(default=lambda: None)
    is_cached: bool = False
    created: float = field(default_factory=time.time)
    spec: AudioSpec = UNKNOWN
    is_remote: bool = False


class SynthesisTask(Protocol):
    """One synthesis that has not started. Any thread may call its methods, that of a request or one of the pool."""

    def start(self) -> Synthesis:
        """Return the audio under way; raises SaynaError. No other process synthesizes this key meanwhile."""

    def cancel(self) -> None:
        """Wake a thread that waits for the provider, because all subscribers have left."""

    def store(self, audio: bytes) -> None:
        """Store the complete audio."""

    def has_followers(self) -> bool:
        """Return whether another machine reads the audio; any thread may ask."""
        return False


class Form(Protocol):
    """A coded format that some subscribers of a synthesis want; one thread of a process makes it for all of them."""

    name: str

    def is_shared(self, spec: AudioSpec) -> bool:
        """Whether the form differs from audio of this spec so much that it is made once and shared."""

    def chunks(self, source: Iterator[bytes], spec: AudioSpec, head: bytearray) -> Iterator[bytes]:
        """Yield the audio in this form as it arrives; raises SaynaError.

        At the end, `head` holds what stands in front of a whole file of it but not of a stream.
        """

    def store(self, whole: bytes, received: bytes, spec: AudioSpec, created: float) -> None:
        """Store the whole file of this form, made of the audio that was received in the take of then."""
