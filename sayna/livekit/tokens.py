"""The token with which a participant joins one room: signed here, without asking LiveKit.

Claims: https://docs.livekit.io/home/get-started/authentication/
"""

import time
from dataclasses import dataclass

from sayna.config import Secret

from .ownership import metadata_for


@dataclass(frozen=True, slots=True)
class TokenMint:
    """Signs tokens with LiveKit's key and secret, good for `ttl_seconds`."""

    api_key: Secret
    api_secret: Secret
    ttl_seconds: int

    def token(self, *, room: str, identity: str, name: str, tenant: str | None) -> str:
        """Return a JWT that opens this room and nothing else.

        A room closes when all have left, and a participant who comes back creates it anew: `roomConfig` gives
        it the same owner again.
        """
        import jwt  # noqa: PLC0415 - 50 ms that a start need not pay

        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.api_key.reveal(),
            "sub": identity,
            "name": name,
            "nbf": now,
            "exp": now + self.ttl_seconds,
            "video": {
                "room": room,
                "roomJoin": True,
                "canPublish": True,
                "canSubscribe": True,
                "canPublishData": True,
            },
        }
        if tenant is not None:
            claims["roomConfig"] = {"metadata": metadata_for(tenant)}
        return jwt.encode(claims, self.api_secret.reveal(), algorithm="HS256")
