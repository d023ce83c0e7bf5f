"""What several machines share of speech, as Protocols: who synthesizes, and the clips; one machine needs neither.

Every method raises StoreUnavailable when the store behind it cannot be used, unless it says otherwise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Broadcast(Protocol):
    """One synthesis of all machines, as one of them sees it; `clip` is the stored one, if there is one already."""

    is_leader: bool
    clip: bytes | None

    def write(self, frames: bytes) -> None:
        """Append frames for the other machines, unless another one leads by now; raises nothing."""

    def read(self) -> tuple[bytes, bool]:
        """Return the frames since the last read, and whether the leader is gone; waits a quarter of a second."""

    def has_followers(self) -> bool:
        """Return whether another machine reads what this one writes; raises nothing."""

    def close(self) -> None:
        """Give the lead back, or stop to follow; raises nothing."""


class Broadcasts(Protocol):
    """Elects one machine of all for the synthesis of a key; the others read its frames."""

    def join(self, sound: str, key: str) -> Broadcast:
        """Lead the synthesis of a key of this sound, or follow the machine that does."""


@dataclass(frozen=True, slots=True)
class ClipChange:
    """Clips that are not valid any more: of a sound, else of a provider and a voice, where None means all."""

    provider: str | None = None
    voice: str | None = None
    sound: str | None = None


class SharedClips(Protocol):
    """The clips of all machines, behind the cache of each."""

    def opened(self, sound: str, sealed: bytes) -> bytes | None:
        """Return the blob of a value from the store, or None when it was not stored by one of the machines."""

    def get(self, sound: str) -> bytes | None:
        """Return the blob of a sound; raises nothing."""

    def put(self, sound: str, blob: bytes, voice: tuple[str, str], *, replaces: bool) -> None:
        """Store the blob of a sound of a provider and voice; `replaces` tells the other machines. Raises nothing."""

    def clear(self, provider: str | None, voice: str | None) -> int:
        """Remove blobs, tell the other machines, and return the number of blobs."""

    def remove(self, sounds: Iterable[str]) -> None:
        """Remove the blobs of sounds, and tell the other machines."""

    def changes(self, since: str) -> tuple[list[ClipChange], str]:
        """Return the changes of other machines since a position, "" for now, and the next position."""
