import time

import jwt
import pytest

from sayna.config import LiveKitConfig, Secret
from sayna.livekit.tokens import TokenMint
from tests.wire.twirp import KEY, SECRET

MINT = TokenMint(Secret(KEY), Secret(SECRET), LiveKitConfig(token_ttl_seconds=600))


def claims_of(tenant: str | None) -> dict[str, object]:
    signed = MINT.token(room="lobby", identity="ann-1", name="Ann", tenant=tenant)
    assert jwt.get_unverified_header(signed) == {"alg": "HS256", "typ": "JWT"}
    claims: dict[str, object] = jwt.decode(signed, SECRET, algorithms=["HS256"], issuer=KEY)
    return claims


@pytest.mark.parametrize("tenant", ["a", None])
def test_token_opens_one_room_and_grants_nothing_beyond_it(tenant: str | None) -> None:
    claims = claims_of(tenant)
    assert claims["video"] == {
        "room": "lobby",
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
    }
    assert claims.keys() - {"roomConfig"} == {"iss", "sub", "name", "nbf", "exp", "video"}
    assert (claims["sub"], claims["name"]) == ("ann-1", "Ann")


def test_token_lives_as_long_as_was_set() -> None:
    claims = claims_of(None)
    begins, ends = claims["nbf"], claims["exp"]
    assert isinstance(begins, int)
    assert isinstance(ends, int)
    assert ends - begins == 600
    assert 0 <= time.time() - begins < 60


def test_settings_of_new_rooms_are_in_the_token() -> None:
    config = LiveKitConfig(
        empty_timeout_seconds=60, departure_timeout_seconds=5, max_participants=3, token_metadata_updates=True
    )
    signed = TokenMint(Secret(KEY), Secret(SECRET), config).token(room="lobby", identity="ann", name="Ann", tenant="a")
    claims = jwt.decode(signed, SECRET, algorithms=["HS256"], issuer=KEY)
    options = {"emptyTimeout": 60, "departureTimeout": 5, "maxParticipants": 3, "metadata": '{"auth_id":"a"}'}
    assert claims["roomConfig"] == options
    assert claims["video"]["canUpdateOwnMetadata"] is True


def test_room_that_the_holder_opens_again_has_the_same_owner() -> None:
    assert claims_of("a")["roomConfig"] == {"metadata": '{"auth_id":"a"}'}
    assert "roomConfig" not in claims_of(None)
