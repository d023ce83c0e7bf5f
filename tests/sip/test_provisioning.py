import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from livekit import api

from app import create_app
from sayna.config import load_config
from sayna.sip.provisioner import keep_provisioned
from tests.e2e.program import until
from tests.wire.telephone import FakeSipClient
from tests.wire.twirp import DROP, refusal

MakeApp = Callable[..., Flask]

INBOUND = {"SIP_ROOM_PREFIX": "sip", "SIP_ALLOWED_ADDRESSES": "10.0.0.0/8,192.0.2.1"}
CREATED = [
    "create inbound trunk sayna-sip-trunk for 10.0.0.0/8, 192.0.2.1",
    "create dispatch rule sayna-sip-dispatch: rooms named sip_...",
]


@pytest.fixture
def telephones() -> Iterator[FakeSipClient]:
    with FakeSipClient() as fake:
        yield fake
    assert not fake.complaints


@pytest.fixture
def make(telephones: FakeSipClient, tmp_path: Path) -> Iterator[MakeApp]:
    apps: list[Flask] = []

    def make(**settings: str) -> Flask:
        environ = {"CACHE_PATH": str(tmp_path), "LOG_FORMAT": "json", **telephones.settings, **settings}
        apps.append(create_app(load_config(environ)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["sayna"].close()


def run(app: Flask, *arguments: str) -> tuple[int, list[str]]:
    found = app.test_cli_runner().invoke(args=["sip", "provision", *arguments])
    return found.exit_code, [line for line in found.output.splitlines() if not line.startswith("{")]


def test_dry_run_says_what_would_be_done_and_does_nothing(make: MakeApp, telephones: FakeSipClient) -> None:
    assert run(make(**INBOUND), "--dry-run") == (0, [f"would {each}" for each in CREATED])
    assert telephones.calls == ["ListSIPInboundTrunk", "ListSIPDispatchRule"]


def test_trunk_and_rule_are_created_once(make: MakeApp, telephones: FakeSipClient) -> None:
    app = make(**INBOUND)
    assert run(app) == (0, CREATED)
    [trunk], [rule] = telephones.trunks, telephones.rules
    assert (trunk.name, list(trunk.allowed_addresses)) == ("sayna-sip-trunk", ["10.0.0.0/8", "192.0.2.1"])
    assert trunk.include_headers == 2
    assert (rule.name, list(rule.trunk_ids)) == ("sayna-sip-dispatch", [trunk.sip_trunk_id])
    assert rule.rule.dispatch_rule_individual.room_prefix == "sip"
    assert run(app) == (0, ["nothing to do"])
    assert run(app, "--dry-run") == (0, ["nothing to do"])


def test_differences_are_corrected_and_other_fields_stay(make: MakeApp, telephones: FakeSipClient) -> None:
    run(make(**INBOUND))
    telephones.trunks[0].krisp_enabled = True
    telephones.rules[0].trunk_ids[:] = ["ST_gone"]
    changed = make(SIP_ROOM_PREFIX="tel", SIP_ALLOWED_ADDRESSES="192.0.2.7")
    expected = [
        "correct inbound trunk sayna-tel-trunk for 192.0.2.7",
        "correct dispatch rule sayna-tel-dispatch: rooms named tel_...",
    ]
    assert run(changed, "--dry-run") == (0, [f"would {each}" for each in expected])
    assert run(changed) == (0, expected)
    [trunk], [rule] = telephones.trunks, telephones.rules
    assert (trunk.sip_trunk_id, list(trunk.allowed_addresses), trunk.krisp_enabled) == (
        "ST_1",
        ["192.0.2.7"],
        True,
    )
    assert (list(rule.trunk_ids), rule.rule.dispatch_rule_individual.room_prefix) == (["ST_1"], "tel")


@pytest.mark.parametrize("settings", [{}, {**INBOUND, "LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""}])
def test_command_says_what_to_set(make: MakeApp, settings: dict[str, str]) -> None:
    code, lines = run(make(**settings))
    assert code == 1
    assert "SIP_ROOM_PREFIX" in lines[0]


def test_conflict_is_told_in_livekits_own_words(
    make: MakeApp, telephones: FakeSipClient, capsys: pytest.CaptureFixture[str]
) -> None:
    telephones.trunks.append(api.SIPInboundTrunkInfo(sip_trunk_id="ST_x", name="of somebody else"))
    app = make(**INBOUND)
    code, lines = run(app)
    assert (code, lines[-1]) == (1, "Error: LiveKit refuses this: Conflicting inbound SIP Trunks")
    app.extensions["sayna"].start()
    said = ""

    def is_logged() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return "provisioning_failed" in said

    until(is_logged, 30, "the failure is logged")
    assert "Conflicting inbound SIP Trunks" in said


def test_command_says_that_livekit_does_not_answer(make: MakeApp, telephones: FakeSipClient) -> None:
    telephones.script = lambda *_: DROP
    assert run(make(**INBOUND))[0] == 1


def test_one_worker_provisions_and_another_takes_over(
    make: MakeApp, telephones: FakeSipClient, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = [make(**INBOUND).extensions["sayna"] for _ in range(3)]
    for worker in workers:
        worker.start()
        worker.start()
    # The dispatch rule is the last request of the leader.
    until(lambda: telephones.rules, 30, "LiveKit is provisioned")
    calls = list(telephones.calls)
    assert calls.count("CreateSIPInboundTrunk") == calls.count("CreateSIPDispatchRule") == 1
    workers[0].close()
    workers[1].close()
    until(lambda: telephones.calls[-1] == "ListSIPDispatchRule", 30, "the last worker has checked both")
    assert len(telephones.trunks) == len(telephones.rules) == 1


def test_provisioning_is_tried_until_it_works(
    make: MakeApp, telephones: FakeSipClient, capsys: pytest.CaptureFixture[str]
) -> None:
    telephones.script = lambda *_: refusal(503, "unavailable") if len(telephones.calls) < 3 else None
    services = make(**INBOUND).extensions["sayna"]
    stop = threading.Event()
    job = functools.partial(keep_provisioned, services.livekit, "sip", ["127.0.0.1"], stop, first_pause=0.01)
    thread = threading.Thread(target=job)
    thread.start()
    until(lambda: telephones.rules, 30, "LiveKit is provisioned")
    stop.set()
    thread.join()
    assert capsys.readouterr().err.count("provisioning_failed") == 2
