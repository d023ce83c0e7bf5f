"""Secrets of hooks: no tenant can sign events of another tenant."""

import json

import pytest
from flask.testing import FlaskClient
from sayna_client.errors import SaynaValidationError

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH
from tests.blueprints.telephones import save
from tests.sip.inbound import SECRET, Target, joined, per_hook_secret, send_event, verified
from tests.wire.hit import Hit
from tests.wire.telephone import FakeSipClient

HOSTS = {"a": ("one.example.com", "two.example.com"), "b": ("three.example.com",)}
ONE_TENANT = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": "secret-of-a-0123456789", "AUTH_API_SECRET_ID": "a"}


def hook(target: Target, host: str, auth_id: str = "") -> dict[str, str]:
    return {"host": host, "url": f"{target.url}/{auth_id}", "auth_id": auth_id}


def delivered(client: FlaskClient, target: Target, host: str) -> Hit:
    """Return the request that a call to a host causes."""
    before = len(target.hits)
    event = joined(f"EV_{host}", room=host, attributes={"sip.h.to": f"<sip:1@{host}>"})
    assert send_event(client, event).status_code == 200
    return target.received(before + 1)[-1]


def printed(client: FlaskClient, *arguments: str) -> tuple[int, str]:
    """Return what `flask sip secret` says on standard output, or why not."""
    found = client.application.test_cli_runner().invoke(args=["sip", "secret", *arguments])
    return found.exit_code, found.stdout.strip() or found.stderr.strip()


def test_signature_verifies_with_the_hook_s_secret_only(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(**AUTH)
    secrets: dict[str, str] = {}
    for tenant, hosts in HOSTS.items():
        save(client, *(hook(target, host, tenant) for host in hosts), tenant=tenant)
        for host in hosts:
            telephones.open(host)
            code, secrets[host] = printed(client, tenant, host.upper() + ".")
            assert (code, secrets[host]) == (0, per_hook_secret(tenant, host))
    assert len({SECRET, *secrets.values()}) == 4
    for host, secret in secrets.items():
        hit = delivered(client, target, host)
        assert verified(hit, secret).sip_host == host
        for other in {SECRET, *secrets.values()} - {secret}:
            with pytest.raises(SaynaValidationError):
                verified(hit, other)


@pytest.mark.parametrize(
    ("settings", "tenant"), [({}, ""), (ONE_TENANT, "a"), ({**AUTH, "SIP_HOOK_SECRET_SCOPE": "server"}, "a")]
)
def test_server_s_secret_signs_for_one_tenant_or_on_request(
    inbound: MakeClient, telephones: FakeSipClient, target: Target, settings: dict[str, str], tenant: str
) -> None:
    client = inbound(**settings)
    host = "one.example.com"
    telephones.open(host)
    assert save(client, hook(target, host, tenant), tenant=tenant or None).status_code == 200
    assert verified(delivered(client, target, host)).sip_host == host
    assert printed(client, tenant, host) == (0, SECRET)


def test_hooks_can_have_own_secrets_without_tenants(
    inbound: MakeClient, telephones: FakeSipClient, target: Target
) -> None:
    client = inbound(SIP_HOOK_SECRET_SCOPE="hook")
    save(client, hook(target, "one.example.com"))
    assert verified(delivered(client, target, "one.example.com"), per_hook_secret("", "one.example.com"))
    assert printed(client, "", "one.example.com") == (0, per_hook_secret("", "one.example.com"))


def test_configured_hooks_are_signed_as_configured(
    inbound: MakeClient, telephones: FakeSipClient, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {**hook(target, "own.example.com", "a"), "secret": "its-own-secret-0123456789"}
    plain = hook(target, "plain.example.com", "b")
    client = inbound(**AUTH, SIP_HOOKS_JSON=json.dumps([own, plain]))
    said = capsys.readouterr().err
    assert "plain.example.com" in said
    assert "own.example.com" not in said
    assert SECRET not in said
    for host, secret in (("own.example.com", own["secret"]), ("plain.example.com", SECRET)):
        telephones.open(host)
        assert verified(delivered(client, target, host), secret).sip_host == host
    assert printed(client, "a", "own.example.com") == (0, own["secret"])
    assert printed(client, "b", "plain.example.com") == (0, SECRET)
    code, why = printed(client, "b", "own.example.com")
    assert (code, "another tenant" in why) == (1, True)


def test_command_says_what_is_missing(telephones: FakeSipClient, make_client: MakeClient) -> None:
    client = make_client(**telephones.settings, **AUTH)
    code, why = printed(client, "a", "one.example.com")
    assert (code, "SIP_HOOK_SECRET" in why) == (1, True)
    assert printed(client, "a", "no host")[0] == 1
