"""The settings of usage: how much speech of vendors a tenant may buy."""

from collections.abc import Iterator
from dataclasses import dataclass

from sayna.config.api_secret import MAX_CHARACTERS
from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import integer, list_of
from sayna.config.vendors import provider_slug

_limit = integer(1, 10_000)


def _vendor_limit(text: str) -> tuple[str, int]:
    slug, equals, number = text.partition("=")
    if not equals:
        raise InvalidValue("has no = between a provider and a number")
    return provider_slug.parse(slug.strip()), _limit.parse(number.strip())


_vendor_limits = list_of(SettingType(_vendor_limit, "providers with a number each, such as elevenlabs=5,cartesia=3"))


@dataclass(frozen=True, slots=True)
class UsageConfig:
    """Limits on the synthesis by vendors."""

    # In characters.
    limit: int | None = setting(
        "TENANT_CHARACTERS_PER_MONTH",
        integer(0, MAX_CHARACTERS),
        None,
        yaml="usage.characters_per_month",
        shown="no limit",
    )
    vendor_concurrency: tuple[tuple[str, int], ...] = setting(
        "VENDOR_CONCURRENCY", _vendor_limits, (), shown="no limit"
    )
    tenant_concurrency: int | None = setting("TENANT_CONCURRENCY", _limit, None, shown="no limit")

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for a provider with two limits."""
        slugs = [slug for slug, _ in self.vendor_concurrency]
        if len(set(slugs)) < len(slugs):
            yield "VENDOR_CONCURRENCY names a provider twice; set one number for each."
