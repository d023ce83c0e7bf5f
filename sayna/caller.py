"""The caller of a request, and which resources it may access."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The client of a request; without a tenant it may access resources without an owner, and all when auth is off.

    `providers` are the slugs of the speech providers that it may use, None for all. `characters_per_month` is its own
    cap, None where TENANT_CHARACTERS_PER_MONTH counts.
    """

    tenant: str | None = None
    is_unrestricted: bool = False
    providers: frozenset[str] | None = None
    characters_per_month: int | None = None

    def may_access(self, owner: str | None) -> bool:
        """Return whether the caller may access a resource of `owner`, a tenant id or None for no owner."""
        # Compare exactly, without folding case or Unicode forms: two ids that look alike are two tenants.
        return self.is_unrestricted or self.tenant == owner

    def may_use(self, provider: str) -> bool:
        """Return whether the caller may use the provider with this slug."""
        return self.providers is None or provider in self.providers


UNRESTRICTED = Caller(is_unrestricted=True)
