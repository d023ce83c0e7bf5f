"""The settings of the speech vendors: each class stands in its vendor's file, and this module collects them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from sayna.config.fields import InvalidValue, SettingType


class VendorConfig(Protocol):
    """The settings of one vendor: a frozen dataclass of setting() fields."""

    @property
    def configured(self) -> bool:
        """Whether this server has what the vendor needs."""


@dataclass(frozen=True, slots=True)
class KeyedConfig:
    """A vendor that is configured by its first field: its key, its folder or its switch."""

    @property
    def configured(self) -> bool:
        """Whether this server holds a key for the vendor, or the vendor is on."""
        return bool(getattr(self, fields(self)[0].name))

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when some of the vendor's settings are there but its key is not."""
        key, *others = (each.metadata["setting"].name for each in fields(self))
        for name in others:
            if name in given and key not in given:
                yield f"{name} is set but {key} is not; set both or neither."


@dataclass(frozen=True, slots=True)
class ProvidersConfig:
    """The settings of every vendor, each under its slug, in the order of PROVIDERS."""

    if TYPE_CHECKING:

        def __getattr__(self, slug: str) -> Any:
            """Return the settings of a vendor; the fields are made in default_providers()."""

    @property
    def configured(self) -> tuple[str, ...]:
        """The slugs of the vendors that can be used, the preferred one first."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name).configured)


@cache
def default_providers() -> ProvidersConfig:
    """Return the settings of every vendor, none of them set."""
    # Not at the top: the vendors' files import this package for their settings.
    from sayna.providers import PROVIDERS  # noqa: PLC0415

    sections: list[Any] = [
        (slug, vendor.config_class, field(default_factory=vendor.config_class)) for slug, vendor in PROVIDERS.items()
    ]
    made = make_dataclass("ProvidersConfig", sections, bases=(ProvidersConfig,), frozen=True, slots=True)
    return cast("ProvidersConfig", made())


def _slug(text: str) -> str:
    from sayna.providers import ALIASES, PROVIDERS  # noqa: PLC0415 - as above

    slug = ALIASES.get(text.lower(), text.lower())
    if slug not in PROVIDERS:
        raise InvalidValue("is unknown")
    return slug


provider_slug = SettingType(_slug, lambda: "one of " + ", ".join(each.name for each in fields(default_providers())))
