"""The settings of the LiveKit server."""

# ruff: noqa: RUF009 - setting() returns an immutable field

from collections.abc import Iterator
from dataclasses import dataclass

from sayna.config.fields import require_both, setting
from sayna.config.secret import Secret
from sayna.config.types import integer, number, token
from sayna.config.urls import livekit


@dataclass(frozen=True, slots=True)
class LiveKitConfig:
    """The LiveKit server; its URL may be of the ws or the http form."""

    url: str = setting("LIVEKIT_URL", livekit, "ws://localhost:7880", "Where we reach LiveKit.", yaml="livekit.url")
    # Behind a proxy, or in containers, clients reach LiveKit under another name than we do.
    own_public_url: str | None = setting(
        "LIVEKIT_PUBLIC_URL",
        livekit,
        None,
        "Where clients reach LiveKit.",
        yaml="livekit.public_url",
        shown="LIVEKIT_URL",
    )
    api_key: Secret | None = setting("LIVEKIT_API_KEY", token, None, "Key of LiveKit.", yaml="livekit.api_key")
    api_secret: Secret | None = setting(
        "LIVEKIT_API_SECRET", token, None, "Secret of LiveKit.", yaml="livekit.api_secret"
    )
    # LiveKit's SDKs say six hours, but its open-source server keeps no list of revoked tokens: their end is
    # the only one.
    token_ttl_seconds: int = setting(
        "LIVEKIT_TOKEN_TTL_SECONDS",
        integer(1, 86400),
        3600,
        "Seconds that a participant's token is good for.",
        yaml="livekit.token_ttl_seconds",
    )
    timeout_seconds: float = setting(
        "LIVEKIT_TIMEOUT_SECONDS",
        number(0.1, 60),
        5.0,
        "Seconds that LiveKit may take.",
        yaml="livekit.timeout_seconds",
    )

    @property
    def public_url(self) -> str:
        """What clients are told; `url` unless another was set."""
        return self.own_public_url or self.url

    @property
    def configured(self) -> bool:
        """Whether this server holds LiveKit's key and secret."""
        return self.api_key is not None and self.api_secret is not None

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when only one of key and secret is there."""
        yield from require_both(given, "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
