"""The settings of a server that has several machines."""

from dataclasses import dataclass

from sayna.config.clips import long_secret
from sayna.config.fields import setting
from sayna.config.secret import Secret


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """What all machines of one server share."""

    secret: Secret | None = setting(
        "SAYNA_SECRET",
        long_secret,
        None,
        "Secret that all machines share, for clip URLs, cursors and cache keys of requests with their own credentials.",
        yaml="server.secret",
    )
