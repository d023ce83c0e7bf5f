"""Who asks for a thing that may have an owner."""

from typing import Protocol


class Visitor(Protocol):
    """Who asks; sayna.auth.Caller is one, which rooms, calls and recordings do not import."""

    @property
    def tenant(self) -> str | None:
        """The tenant's id; None for a caller without a tenant."""

    @property
    def everything(self) -> bool:
        """Whether there is nothing to check, because auth is off."""

    def may_touch(self, owner: str | None) -> bool:
        """Return whether a thing of this owner (None: nobody's) is the visitor's."""
