"""The settings of usage: how much speech of vendors a tenant may buy."""

from dataclasses import dataclass

from sayna.config.api_secret import MAX_CHARACTERS
from sayna.config.fields import setting
from sayna.config.types import integer


@dataclass(frozen=True, slots=True)
class UsageConfig:
    """Limits on the synthesis by vendors."""

    characters_per_month: int | None = setting(
        "TENANT_CHARACTERS_PER_MONTH",
        integer(0, MAX_CHARACTERS),
        None,
        "Characters that vendors may synthesize in a month for a tenant without characters_per_month of its own.",
        shown="no limit",
    )
