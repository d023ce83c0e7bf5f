"""The settings of the LiveKit server."""

from collections.abc import Iterator
from dataclasses import dataclass

from sayna.config.fields import require_both, setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, integer, number, token
from sayna.config.urls import livekit


@dataclass(frozen=True, slots=True)
class LiveKitConfig:
    """The LiveKit server; its URL may be of the ws or the http form."""

    url: str = setting("LIVEKIT_URL", livekit, "ws://localhost:7880")
    # Behind a proxy, or in containers, clients reach LiveKit under another name than this server.
    public_url_setting: str | None = setting("LIVEKIT_PUBLIC_URL", livekit, None, shown="LIVEKIT_URL")
    api_key: Secret | None = setting("LIVEKIT_API_KEY", token, None)
    api_secret: Secret | None = setting("LIVEKIT_API_SECRET", token, None)
    # LiveKit's SDKs default to six hours, but its open-source server cannot revoke a token before it expires.
    token_ttl_seconds: int = setting("LIVEKIT_TOKEN_TTL_SECONDS", integer(1, 86400), 3600)
    timeout_seconds: float = setting("LIVEKIT_TIMEOUT_SECONDS", number(0.1, 60), 5.0)

    token_metadata_updates: bool = setting("LIVEKIT_TOKEN_METADATA_UPDATES", boolean, False)
    empty_timeout_seconds: int | None = setting("LIVEKIT_EMPTY_TIMEOUT_SECONDS", integer(1, 86400), None)
    departure_timeout_seconds: int | None = setting("LIVEKIT_DEPARTURE_TIMEOUT_SECONDS", integer(1, 86400), None)
    max_participants: int | None = setting("LIVEKIT_MAX_PARTICIPANTS", integer(1, 100_000), None)

    @property
    def room_options(self) -> dict[str, int]:
        """The settings of new rooms that are set, by LiveKit's names."""
        options = {
            "empty_timeout": self.empty_timeout_seconds,
            "departure_timeout": self.departure_timeout_seconds,
            "max_participants": self.max_participants,
        }
        return {name: value for name, value in options.items() if value is not None}

    @property
    def public_url(self) -> str:
        """The URL for clients; `url` unless another was set."""
        return self.public_url_setting or self.url

    @property
    def configured(self) -> bool:
        """Whether this server holds LiveKit's key and secret."""
        return self.api_key is not None and self.api_secret is not None

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when only one of key and secret is there."""
        yield from require_both(given, "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
