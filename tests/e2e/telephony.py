"""The real livekit-server with its SIP service switched on, and Sayna that is told of calls.

LiveKit keeps trunks and rules in Redis. Whoever is on the telephone joins here as LiveKit SIP lets a caller
join: with a token of kind SIP and the attributes of the call.
"""

from typing import Any

from livekit import api

from tests.e2e.livekit import LiveKitServer, Studio
from tests.e2e.servers import Gunicorn
from tests.sip.inbound import ATTRIBUTES
from tests.wire.twirp import KEY, SECRET


class Exchange(Studio):
    """Sayna, LiveKit with Redis, and callers."""

    def __init__(self, sayna: Gunicorn, livekit: LiveKitServer) -> None:
        super().__init__(sayna, livekit)

    def caller_token(self, room: str, identity: str, **attributes: str) -> str:
        """Return the token with which LiveKit SIP lets a caller join."""
        grants = api.VideoGrants(room_join=True, room=room)
        token = api.AccessToken(KEY, SECRET).with_kind("sip").with_identity(identity).with_name("Phone")
        return token.with_attributes({**ATTRIBUTES, **attributes}).with_grants(grants).to_jwt()

    def sip_admin(self, method: str, **message: Any) -> Any:
        """Return LiveKit's own answer to its administrator."""
        token = api.AccessToken(KEY, SECRET).with_sip_grants(api.SIPGrants(admin=True)).to_jwt()
        answer = self.livekit.twirp("SIP", method, token, **message)
        assert answer.status == 200, answer.body
        return answer.json()
