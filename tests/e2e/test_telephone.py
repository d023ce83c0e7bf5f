"""Telephones that ring: sipp, LiveKit's SIP service, livekit-server, and Sayna in front of them."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.blueprints.rooms import bearer
from tests.e2e.livekit import LiveKitServer, Person
from tests.e2e.phones import LiveKitSip, Phone, header, livekit_sip
from tests.e2e.program import until
from tests.e2e.redis_server import Redis
from tests.e2e.servers import Gunicorn, answers, free_port, started
from tests.e2e.telephony import Exchange
from tests.e2e.wire import Address, Answer
from tests.sip.inbound import SETTINGS, Target, per_hook_secret, verified

USER = {"SIP_OUTBOUND_AUTH_USERNAME": "sayna", "SIP_OUTBOUND_AUTH_PASSWORD": "pbx-password-1"}
MakePhone = Callable[..., Phone]


class Line(Exchange):
    """Sayna, LiveKit, LiveKit SIP, and the port of the PBX that the settings name."""

    def __init__(self, sayna: Gunicorn, livekit: LiveKitServer, sip: LiveKitSip, pbx: int) -> None:
        super().__init__(sayna, livekit)
        self.sip = sip
        self.pbx = pbx

    def call(self, room: str, tenant: str = "a", key: str = "", **change: Any) -> Answer:
        """Ask for a call."""
        body = {
            "room_name": room, "participant_name": "Bob", "participant_identity": "bob",
            "from_phone_number": "+15550001", "to_phone_number": "+15550002", **change,
        }  # fmt: skip
        headers = {**bearer(tenant), **({"Idempotency-Key": key} if key else {})}
        return self.sayna.address.ask("POST", "/sip/call", body, **headers)

    def status(self, room: str, identity: str = "bob") -> str | None:
        """Return the status of the phone in a room, or None when it is not there."""
        answer = self.ask("GET", f"/livekit/rooms/{room}")
        people = answer.json()["participants"] if answer.status == 200 else []
        found = [each for each in people if each["identity"] == identity]
        return found[0]["attributes"].get("sip.callStatus") if found else None

    def is_active(self, room: str) -> bool:
        """Return whether the phone in a room is answered."""
        return self.status(room) == "active"

    def end(self, call: Answer) -> dict[str, Any]:
        """Return the state of a call once its end and reason are known."""
        path = f"/sip/call/{call.json()['sip_call_id']}"

        def is_over() -> bool:
            state = self.ask("GET", path).json()
            return bool(state["status"] == "ended" and state["reason"] != "unknown")

        until(is_over, 40, "the end is known")
        state: dict[str, Any] = self.ask("GET", path).json()
        return state


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    livekit_sip()
    folder = tmp_path_factory.mktemp("line")
    with ExitStack() as stack:
        redis = Redis(folder)
        stack.enter_context(started(redis, lambda: answers(redis.address)))
        port, pbx = free_port(), free_port()
        livekit = LiveKitServer(folder, port, redis_port=redis.address.port)
        stack.enter_context(started(livekit, lambda: answers(livekit.address)))
        sip = LiveKitSip(folder, livekit, redis)
        stack.enter_context(started(sip, lambda: sip.ready))
        (folder / "sayna").mkdir()
        settings = {**livekit.settings, **SETTINGS, **USER, "SIP_OUTBOUND_ADDRESS": f"127.0.0.1:{pbx}"}
        settings |= {"LOG_FORMAT": "json", "WEB_CONCURRENCY": "2", "SIP_CALLS_PER_MINUTE": "1000"}
        settings |= {"SIP_OWN_ADDRESSES": f"127.0.0.1:{sip.port}"}
        sayna = Gunicorn(folder / "sayna", Address(port), settings)
        is_up = lambda: answers(sayna.address) and sayna.address.ask("GET", "/").status == 200  # noqa: E731
        stack.enter_context(started(sayna, is_up))
        until(lambda: '"provisioned"' in sayna.log, 20, "LiveKit is provisioned")
        yield Line(sayna, livekit, sip, pbx)


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[MakePhone]:
    phones: list[Phone] = []

    def make(scenario: str, port: int, **how: Any) -> Phone:
        phones.append(Phone(tmp_path, scenario, port=port, **how))
        return phones[-1]

    yield make
    for each in phones:
        if not each.exited():
            each.signal(signal.SIGKILL)
            each.wait()


def test_call_rings_and_its_hang_up_is_known(line: Line, phone: MakePhone) -> None:
    bob = phone("hangup", line.pbx, calls=1)
    options = {"from_name": "Support", "headers": {"X-Ticket": "4711"}}
    call = line.call("rings", sip=options)
    assert (call.status, call.json()["status"]) == (200, "initiated")
    until(lambda: line.status("rings") == "active", 15, "it is answered")
    [invite] = bob.received("INVITE")
    assert invite.startswith(f"INVITE sip:+15550002@127.0.0.1:{line.pbx} SIP/2.0")
    assert header(invite, "To") == f"<sip:+15550002@127.0.0.1:{line.pbx}>"
    assert header(invite, "From").startswith('"Support" <sip:+15550001@')
    assert header(invite, "X-Ticket") == "4711"
    state = line.end(call)
    assert (state["reason"], state["room_name"]) == ("hangup", "rings")
    assert bob.wait(10) == 0


def test_digest_goes_to_the_pbx_of_the_settings_alone(line: Line, phone: MakePhone) -> None:
    pbx, other = phone("challenge", line.pbx), phone("challenge", free_port())
    own = {"outbound_address": f"localhost:{other.port}"}
    for room, sip in (("d1", {}), ("d2", own), ("d3", {**own, "auth_username": "me", "auth_password": "mine"})):
        assert line.end(line.call(room, sip=sip))["reason"] == "rejected"
    sent = [[header(each, "Authorization") for each in each_phone.received("INVITE")] for each_phone in (pbx, other)]
    users = [[text.partition(",")[0] for text in texts] for texts in sent]
    assert users == [["", 'Digest username="sayna"'], ["", "", 'Digest username="me"']]


@pytest.mark.parametrize(("scenario", "reason"), [("busy", "rejected"), ("silent", "unavailable")])
def test_busy_and_silence_end_the_call(line: Line, phone: MakePhone, scenario: str, reason: str) -> None:
    bob = phone(scenario, line.pbx, calls=1)
    begun = time.monotonic()
    call = line.call(scenario, ringing_timeout=10)
    if scenario == "silent":
        until(lambda: line.status(scenario) == "ringing", 10, "it rings")
    assert line.end(call)["reason"] == reason
    assert bob.wait(10) == 0
    assert scenario == "busy" or 9 < time.monotonic() - begun < 20
    assert len(bob.received("CANCEL")) == (scenario == "silent")


@pytest.mark.parametrize(
    ("scenario", "status", "word"),
    [("busy", 422, "BUSY"), ("silent", 422, "NO_ANSWER"), ("answer", 200, "answered")],
)
def test_waiting_call_tells_the_answer(line: Line, phone: MakePhone, scenario: str, status: int, word: str) -> None:
    phone(scenario, line.pbx, calls=1)
    answer = line.call(f"wait-{scenario}", ringing_timeout=5, wait_until_answered=True)
    assert (answer.status, word in answer.body.decode()) == (status, True), answer.body


def test_transfer_sends_a_refer_after_the_answer(line: Line, phone: MakePhone) -> None:
    body = {"participant_identity": "bob", "transfer_to": "+15550003"}
    for scenario, status, word in (("refer_ok", 200, "completed"), ("refer_busy", 500, "TRANSFER_FAILED")):
        bob = phone(scenario, line.pbx, calls=1)
        line.call(scenario)
        until(partial(line.is_active, scenario), 15, "it is answered")
        assert line.ask("POST", "/sip/transfer", "b", room_name=scenario, **body).status == 404
        assert bob.received("REFER") == []
        answer = line.ask("POST", "/sip/transfer", room_name=scenario, **body)
        assert (answer.status, word in answer.body.decode()) == (status, True)
        [refer] = bob.received("REFER")
        assert header(refer, "Refer-To") == "tel:+15550003"
        line.ask("DELETE", "/livekit/participant", room_name=scenario, participant_identity="bob")
        assert bob.wait(10) == 0


def test_slow_transfer_is_completed_in_the_calls_state(line: Line, phone: MakePhone) -> None:
    phone("refer_slow10", line.pbx, calls=1)
    call = line.call("slow")
    until(lambda: line.status("slow") == "active", 15, "it is answered")
    body = {"room_name": "slow", "participant_identity": "bob", "transfer_to": "tel:+15550003"}
    assert line.ask("POST", "/sip/transfer", **body).json()["status"] == "initiated"
    path = f"/sip/call/{call.json()['sip_call_id']}"
    assert line.ask("GET", path).json()["transfer"]["status"] == "initiated"
    until(lambda: line.ask("GET", path).json()["transfer"]["status"] == "completed", 30, "it is completed")


def test_phone_that_rings_is_not_transferred(line: Line, phone: MakePhone) -> None:
    bob = phone("silent", line.pbx, calls=1)
    line.call("early", ringing_timeout=10)
    until(lambda: line.status("early") == "ringing", 10, "it rings")
    body = {"room_name": "early", "participant_identity": "bob", "transfer_to": "+15550003"}
    assert line.ask("POST", "/sip/transfer", **body).status == 409
    assert bob.received("REFER") == []


def test_one_key_rings_once(line: Line, phone: MakePhone) -> None:
    bob = phone("answer", line.pbx)
    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(lambda _: line.call("once", key="order-1").json()["sip_call_id"], range(6)))
    until(lambda: line.status("once") == "active", 15, "it is answered")
    assert len(set(ids)) == len(bob.received("INVITE")) == 1
    assert line.call("once").status == 409
    assert line.call("once", tenant="b", participant_identity="eve").status == 404
    assert line.ask("DELETE", "/livekit/participant", room_name="once", participant_identity="bob").status == 200
    until(lambda: bob.received("BYE"), 5, "it is hung up")
    assert len(bob.received("INVITE")) == 1


def test_livekit_sip_itself_is_not_called(line: Line) -> None:
    assert line.call("self", sip={"outbound_address": f"localhost:{line.sip.port}"}).status == 403


def test_inbound_call_is_told_once_with_its_end(line: Line, phone: MakePhone) -> None:
    with Target() as target:
        hook = {"host": "customer-a.example.com", "url": f"{target.url}/hook", "auth_id": "a"}
        events = {"events": ["participant_joined", "call_ended"]}
        assert line.ask("POST", "/sip/hooks", hooks=[{**hook, **events}]).status == 200
        caller = phone("caller", free_port(), to=f"127.0.0.1:{line.sip.port}", calls=1)
        secret = per_hook_secret("a", "customer-a.example.com")
        event = verified(target.received(1, 20)[0], secret)
        numbers = (event.from_phone_number, event.to_phone_number)
        assert (event.sip_host, *numbers) == ("customer-a.example.com", "+15559876543", "+15551234567")
        room = event.room.name
        assert room.startswith("sip_+15559876543_")
        assert line.ask("GET", f"/livekit/rooms/{room}", "b").status == 404
        assert not [text for _, text in caller.messages if text.startswith("SIP/2.0 200")]
        with Person(line.livekit.url, line.token(room)) as ann:
            ann.sees("connected")
            assert caller.wait(20) == 0
        ended = target.received(2, 20)[1]
        assert verified(ended, secret).room.name == room
        assert (ended.json()["event"], ended.json()["reason"]) == ("call_ended", "hangup")
