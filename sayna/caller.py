"""Who asks for a thing that may have an owner."""

from dataclasses import dataclass
from typing import Protocol


class Visitor(Protocol):
    """Who asks; Caller is one."""

    @property
    def tenant(self) -> str | None:
        """The tenant's id; None for a caller without a tenant."""

    @property
    def everything(self) -> bool:
        """Whether there is nothing to check, because auth is off."""

    def may_touch(self, owner: str | None) -> bool:
        """Return whether a thing of this owner (None: nobody's) is the visitor's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling; without a tenant only what has no owner is theirs, unless auth is off."""

    tenant: str | None = None
    everything: bool = False

    def may_touch(self, owner: str | None) -> bool:
        """Return whether a thing of this owner (None: nobody's) is the caller's; compared byte for byte."""
        # Neither case nor Unicode forms are folded: two ids that look alike must stay two tenants.
        return self.everything or self.tenant == owner


ANYONE = Caller(everything=True)
