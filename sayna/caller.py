"""The caller of a request, and which resources it may access."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling; without a tenant only what has no owner is theirs, unless auth is off."""

    tenant: str | None = None
    is_unrestricted: bool = False

    def may_access(self, owner: str | None) -> bool:
        """Return whether a thing of this owner (None: nobody's) is the caller's; compared byte for byte."""
        # Neither case nor Unicode forms are folded: two ids that look alike must stay two tenants.
        return self.is_unrestricted or self.tenant == owner


UNRESTRICTED = Caller(is_unrestricted=True)
