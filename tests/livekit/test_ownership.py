import json

import pytest

from sayna.caller import Caller
from sayna.livekit.ownership import metadata_for, owner_of

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ('{"auth_id":"a"}', "a"),
        ('{"auth_id":"a","topic":{"auth_id":"b"}}', "a"),
        ('{"auth_id":" a"}', " a"),
        ('{"auth_id":"A"}', "A"),
        ("", None),
        ("auth_id=a", None),
        ("null", None),
        ('["auth_id"]', None),
        ("{}", None),
        ('{"auth_id":null}', None),
        ('{"auth_id":["a"]}', None),
        ('{"AUTH_ID":"a"}', None),
    ],
)
def test_owner_is_the_auth_id_of_a_json_object(metadata: str, owner: str | None) -> None:
    assert owner_of(metadata) == owner


@pytest.mark.parametrize("metadata", ['{"auth_id":"a","auth_id":"b"}', '{"auth_id":null,"auth_id":"a"}', DEEP])
def test_ambiguous_metadata_belongs_to_no_tenant(metadata: str) -> None:
    owner = owner_of(metadata)
    assert not any(Caller(tenant).may_access(owner) for tenant in ("a", "b", None))


@pytest.mark.parametrize("tenant", ["a", "tenant:1@example.org", None])
def test_metadata_of_a_new_room_names_its_owner(tenant: str | None) -> None:
    metadata = metadata_for(tenant)
    assert owner_of(metadata) == tenant
    assert not metadata or json.loads(metadata) == {"auth_id": tenant}


@pytest.mark.parametrize("owner", [" a", "a ", "A", "\u0430", "a\u200b", "Å", ""])
def test_tenants_are_compared_byte_for_byte(owner: str) -> None:
    assert not Caller("a").may_access(owner_of(json.dumps({"auth_id": owner})))
