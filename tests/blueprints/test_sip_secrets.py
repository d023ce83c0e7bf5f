"""Whose secret signs what: no tenant can sign what another one is sent."""

import json
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from sayna_client.errors import SaynaValidationError

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH
from tests.blueprints.telephones import save
from tests.sip.inbound import SECRET, SETTINGS, Target, joined, per_hook_secret, tell, verified
from tests.wire.hit import Hit
from tests.wire.telephone import FakeSipClient

HOSTS = {"a": ("one.example.com", "two.example.com"), "b": ("three.example.com",)}
ONE_TENANT = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": "secret-of-a-0123456789", "AUTH_API_SECRET_ID": "a"}
Make = Callable[..., FlaskClient]


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> Make:
    return lambda **settings: make_client(**telephones.settings, **SETTINGS, **settings)


def hook(target: Target, host: str, auth_id: str = "") -> dict[str, str]:
    return {"host": host, "url": f"{target.url}/{auth_id}", "auth_id": auth_id}


def told(client: FlaskClient, target: Target, host: str) -> Hit:
    """Return what the target is sent about a call to a host."""
    before = len(target.hits)
    event = joined(f"EV_{host}", room=host, attributes={"sip.h.to": f"<sip:1@{host}>"})
    assert tell(client, event).status_code == 200
    return target.told(before + 1)[-1]


def printed(client: FlaskClient, *arguments: str) -> tuple[int, str]:
    """Return what `flask sip secret` says on standard output, or why not."""
    found = client.application.test_cli_runner().invoke(args=["sip", "secret", *arguments])
    return found.exit_code, found.stdout.strip() or found.stderr.strip()


def test_signature_for_one_hook_does_not_verify_with_the_secret_of_another(
    make: Make, telephones: FakeSipClient, target: Target
) -> None:
    client = make(**AUTH)
    secrets: dict[str, str] = {}
    for tenant, hosts in HOSTS.items():
        save(client, *(hook(target, host, tenant) for host in hosts), tenant=tenant)
        for host in hosts:
            telephones.open(host)
            code, secrets[host] = printed(client, tenant, host.upper() + ".")
            assert (code, secrets[host]) == (0, per_hook_secret(tenant, host))
    assert len({SECRET, *secrets.values()}) == 4
    for host, secret in secrets.items():
        hit = told(client, target, host)
        assert verified(hit, secret).sip_host == host
        for other in {SECRET, *secrets.values()} - {secret}:
            with pytest.raises(SaynaValidationError):
                verified(hit, other)


@pytest.mark.parametrize(
    ("settings", "tenant"), [({}, ""), (ONE_TENANT, "a"), ({**AUTH, "SIP_HOOK_SECRET_SCOPE": "server"}, "a")]
)
def test_where_there_is_one_tenant_or_the_operator_wants_it_the_server_s_secret_signs(
    make: Make, telephones: FakeSipClient, target: Target, settings: dict[str, str], tenant: str
) -> None:
    client = make(**settings)
    host = "one.example.com"
    telephones.open(host)
    assert save(client, hook(target, host, tenant), tenant=tenant or None).status_code == 200
    assert verified(told(client, target, host)).sip_host == host
    assert printed(client, tenant, host) == (0, SECRET)


def test_hooks_may_have_secrets_of_their_own_without_tenants(
    make: Make, telephones: FakeSipClient, target: Target
) -> None:
    client = make(SIP_HOOK_SECRET_SCOPE="hook")
    save(client, hook(target, "one.example.com"))
    assert verified(told(client, target, "one.example.com"), per_hook_secret("", "one.example.com"))
    assert printed(client, "", "one.example.com") == (0, per_hook_secret("", "one.example.com"))


def test_hooks_of_the_configuration_are_signed_as_it_says(
    make: Make, telephones: FakeSipClient, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {**hook(target, "own.example.com", "a"), "secret": "its-own-secret-0123456789"}
    plain = hook(target, "plain.example.com", "b")
    client = make(**AUTH, SIP_HOOKS_JSON=json.dumps([own, plain]))
    said = capsys.readouterr().err
    assert "plain.example.com" in said
    assert "own.example.com" not in said
    assert SECRET not in said
    for host, secret in (("own.example.com", own["secret"]), ("plain.example.com", SECRET)):
        telephones.open(host)
        assert verified(told(client, target, host), secret).sip_host == host
    assert printed(client, "a", "own.example.com") == (0, own["secret"])
    assert printed(client, "b", "plain.example.com") == (0, SECRET)
    code, why = printed(client, "b", "own.example.com")
    assert (code, "another tenant" in why) == (1, True)


def test_operator_is_told_what_is_missing(telephones: FakeSipClient, make_client: MakeClient) -> None:
    client = make_client(**telephones.settings, **AUTH)
    code, why = printed(client, "a", "one.example.com")
    assert (code, "SIP_HOOK_SECRET" in why) == (1, True)
    assert printed(client, "a", "no host")[0] == 1
