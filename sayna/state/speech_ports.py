"""What several machines share of speech, as Protocols: who synthesizes, and the clips; one machine needs neither.

Every method raises StoreUnavailable when the store behind it cannot be used, unless it says otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Broadcast(Protocol):
    """One synthesis of all machines, as one of them sees it; `is_stored` when there is a clip already."""

    is_leader: bool
    is_stored: bool

    def write(self, frames: bytes) -> None:
        """Append frames for the other machines, unless another one leads by now; raises nothing."""

    def read(self) -> tuple[bytes, bool]:
        """Return the frames since the last read, and whether the leader is gone; waits a quarter of a second."""

    def has_followers(self) -> bool:
        """Return whether another machine reads what this one writes; raises nothing."""

    def close(self, *, is_stored: bool = False) -> None:
        """Give the lead back, or stop to follow; who joins then learns that the clip is stored. Raises nothing."""


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


class ClipChanges(Protocol):
    """What the machines tell each other of clips."""

    def tell(self, change: ClipChange) -> None:
        """Tell the other machines."""

    def since(self, position: str) -> tuple[list[ClipChange], str]:
        """Return the changes of other machines since a position, "" for now, and the next position.

        Waits a quarter of a second when there is none.
        """


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip in a store: its name there, the key of its sound, its provider, and its size in bytes."""

    name: str
    sound: str
    provider: str
    size: int


class ClipStore(Protocol):
    """The clips of all machines, behind the cache of each.

    `is_joined` says that Broadcasts.join finds a clip of this store at any time, not only soon after it was stored.
    """

    is_joined: bool

    def name(self, sound: str, provider: str, voice: str) -> str:
        """Return the name of the clip of a sound; raises nothing."""

    def get(self, name: str) -> bytes | None:
        """Return a clip that has not expired."""

    def put(self, name: str, clip: bytes, provider: str, voice: str) -> bool:
        """Store a clip, and return whether the store takes clips of its size."""

    def delete(self, name: str) -> None:
        """Remove a clip; an absent one is no error."""

    def walk(self, provider: str | None, voice: str | None) -> Iterator[StoredClip]:
        """Yield the clips of a provider, a voice, both, or all."""
