"""Options of calls: what LiveKit gets of each, and what is refused."""

from typing import Any

import pytest

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import failed
from tests.blueprints.telephones import PBX, PBX_USER, dial
from tests.wire.telephone import FakeSipClient

OPTIONS: dict[str, Any] = {
    "ringing_timeout": 20,
    "max_call_duration": 600,
    "sip": {"from_name": "Übersee", "headers": {"X-Ticket": "4711", "X-a": "b c"}, "dtmf": "1ww2#*AD"},
}


@pytest.fixture
def make(telephones: FakeSipClient, make_client: MakeClient) -> MakeClient:
    return lambda **settings: make_client(**{**telephones.settings, **PBX, **settings})


def test_options_reach_livekit(make: MakeClient, telephones: FakeSipClient) -> None:
    assert dial(make(), **OPTIONS).status_code == 200
    [asked] = telephones.dialled
    assert (asked.display_name, dict(asked.headers), asked.dtmf) == (
        "Übersee",
        {"X-Ticket": "4711", "X-a": "b c"},
        "1ww2#*AD",
    )
    assert (asked.ringing_timeout.seconds, asked.max_call_duration.seconds) == (20, 600)
    assert not asked.wait_until_answered


def test_call_without_options_is_what_it_was(make: MakeClient, telephones: FakeSipClient) -> None:
    assert dial(make(), ringing_timeout=None, sip={"headers": None}).status_code == 200
    [asked] = telephones.dialled
    assert not asked.HasField("display_name")
    assert not asked.HasField("max_call_duration")
    assert (asked.ringing_timeout.seconds, asked.dtmf, dict(asked.headers)) == (30, "", {})
    assert (asked.trunk.transport, asked.media_encryption) == (0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"ringing_timeout": 0},
        {"ringing_timeout": 81},
        {"ringing_timeout": "20"},
        {"ringing_timeout": 1.5},
        {"max_call_duration": 0},
        {"max_call_duration": 86401},
        {"wait_until_answered": "true"},
        {"sip": {"from_name": "x" * 65}},
        {"sip": {"from_name": "a\r\nVia: x"}},
        {"sip": {"dtmf": ""}},
        {"sip": {"dtmf": "1" * 65}},
        {"sip": {"dtmf": "1,2"}},
        {"sip": {"dtmf": "a"}},
        {"sip": {"headers": {"Via": "x"}}},
        {"sip": {"headers": {"x-lower": "x"}}},
        {"sip": {"headers": {"X-": "x"}}},
        {"sip": {"headers": {"X-A": "x\r\nVia: y"}}},
        {"sip": {"headers": {"X-A": 1}}},
        {"sip": {"headers": {"X-A": ""}}},
        {"sip": {"headers": {"X-A": "x", "X-a": "y"}}},
        {"sip": {"headers": {"X-" + "a" * 65: "x"}}},
        {"sip": {"headers": {f"X-{number}": "x" for number in range(21)}}},
        {"sip": {"headers": [1]}},
        {"sip": {"transport": "ws"}},
    ],
)
def test_options_are_checked(make: MakeClient, telephones: FakeSipClient, change: dict[str, Any]) -> None:
    assert failed(dial(make(), **change)) == (400, "INVALID_REQUEST")
    assert telephones.calls == []


UDP, TCP, TLS = 1, 2, 3


Case = tuple[dict[str, str], dict[str, str], str, int]


@pytest.mark.parametrize(
    "case",
    [
        ({}, {}, "pbx.example.com:5060", 0),
        ({"SIP_OUTBOUND_TRANSPORT": "tcp"}, {}, "pbx.example.com:5060", TCP),
        ({"SIP_OUTBOUND_ADDRESS": "sips:pbx.example.com"}, {}, "pbx.example.com", TLS),
        ({"SIP_OUTBOUND_ADDRESS": "SIP:pbx.example.com;TRANSPORT=TCP"}, {}, "pbx.example.com", TCP),
        ({"SIP_OUTBOUND_TRANSPORT": "tcp"}, {"transport": "udp"}, "pbx.example.com:5060", UDP),
        ({"SIP_OUTBOUND_TRANSPORT": "tcp"}, {"outbound_address": "o.example.com"}, "o.example.com", 0),
        ({}, {"outbound_address": "o.example.com:5070;transport=tls"}, "o.example.com:5070", TLS),
        ({}, {"outbound_address": "sips:o.example.com:5070", "transport": "tls"}, "o.example.com:5070", TLS),
        ({}, {"outbound_address": "o.example.com", "transport": "tcp"}, "o.example.com", TCP),
    ],
)
def test_transport_is_what_address_or_option_says(make: MakeClient, telephones: FakeSipClient, case: Case) -> None:
    settings, own, host, transport = case
    assert dial(make(**settings), sip=own).status_code == 200
    [asked] = telephones.dialled
    assert (asked.trunk.hostname, asked.trunk.transport) == (host, transport)


def test_contradictory_transports_are_refused(make: MakeClient) -> None:
    own = {"outbound_address": "sips:o.example.com", "transport": "udp"}
    assert failed(dial(make(), sip=own)) == (400, "INVALID_SIP_ADDRESS")


@pytest.mark.parametrize(("word", "number"), [("disable", 0), ("allow", 1), ("require", 2)])
def test_encryption_is_that_of_the_settings(
    make: MakeClient, telephones: FakeSipClient, word: str, number: int
) -> None:
    assert dial(make(SIP_OUTBOUND_ENCRYPTION=word)).status_code == 200
    assert telephones.dialled[0].media_encryption == number


def test_option_is_part_of_the_request_of_a_key(make: MakeClient) -> None:
    client = make()
    assert dial(client, key="k", sip={"dtmf": "1"}).status_code == 200
    for change in ({}, {"sip": {"dtmf": "2"}}, {"sip": {"dtmf": "1"}, "replace": True}):
        assert failed(dial(client, key="k", **change)) == (422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize(
    "address",
    ["rtc.example.com", "RTC.example.com.:5060", "sips:rtc.example.com", "10.9.0.5", "10.9.0.5:7000", "sip2.lan:5099"],
)
def test_own_sip_address_is_never_a_destination(make: MakeClient, telephones: FakeSipClient, address: str) -> None:
    client = make(LIVEKIT_PUBLIC_URL="wss://rtc.example.com", SIP_OWN_ADDRESSES="10.9.0.0/16,sip2.lan:5099")
    assert failed(dial(client, sip={"outbound_address": address})) == (403, "DESTINATION_NOT_ALLOWED")
    assert telephones.calls == []


@pytest.mark.parametrize("address", ["127.1:5060", "2130706433", "0x7f000001", "0x7f.1"])
def test_disguised_address_is_refused(make: MakeClient, address: str) -> None:
    assert failed(dial(make(), sip={"outbound_address": address})) == (403, "DESTINATION_NOT_ALLOWED")


@pytest.mark.parametrize("address", ["rtc.example.com:5070", "sip2.lan", "127.0.0.1:5070", "10.8.0.1"])
def test_other_ports_and_hosts_are_called(make: MakeClient, address: str) -> None:
    client = make(LIVEKIT_PUBLIC_URL="wss://rtc.example.com", SIP_OWN_ADDRESSES="10.9.0.0/16,sip2.lan:5099")
    assert dial(client, sip={"outbound_address": address}).status_code == 200


def test_ipv6_address_says_why_it_is_refused(make: MakeClient) -> None:
    answer = dial(make(**PBX_USER), sip={"outbound_address": "[::1]:4449"})
    assert failed(answer) == (400, "INVALID_SIP_ADDRESS")
    assert "IPv6" in answer.get_json()["error"]
