import socket
import threading
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH, OWNED_BY_A, bearer, failed, mute, read, remove, token
from tests.wire.twirp import DROP, HTML, FakeLiveKit, Reply, refusal

UNAVAILABLE = (500, "LIVEKIT_UNAVAILABLE")
ROUTES: dict[str, Callable[[FlaskClient], TestResponse]] = {
    "token": lambda client: token(client, tenant="a"),
    "list": lambda client: client.get("/livekit/rooms", headers=bearer("a")),
    "read": lambda client: read(client, tenant="a"),
    "remove": lambda client: remove(client, tenant="a"),
    "mute": lambda client: mute(client, tenant="a"),
}
OUTAGES: dict[str, Reply] = {
    "HTML with 200": HTML,
    "nothing with 200": Reply(200, b"", "text/plain"),
    "JSON with 200": Reply(200, b'{"code":"not_found"}', "application/json"),
    "no protobuf": Reply(200, b"\xff" * 9),
    "HTML with 502": Reply(502, b"<h1>Bad Gateway</h1>", "text/html"),
    "HTML with 404": Reply(404, b"<h1>Not Found</h1>", "text/html"),
    "a list with 500": Reply(500, b"[1]", "application/json"),
    "a proxy's own code": Reply(404, b'{"code":404,"message":"not found"}', "application/json"),
    "a wrong path": refusal(404, "bad_route", "no handler for path"),
    "not_found with 500": refusal(500, "not_found", "requested room does not exist"),
    "words without a code": refusal(500, "internal", "host not found"),
    "unavailable": refusal(503, "unavailable", "no response from servers"),
    "resource_exhausted": refusal(429, "resource_exhausted"),
    "unauthenticated": refusal(401, "unauthenticated", "permissions denied"),
    "plain 401": Reply(401, b"invalid API key", "text/plain"),
    "permission_denied": refusal(403, "permission_denied"),
    "a redirect": Reply(302, b"", "text/html", location="http://127.0.0.1:1/"),
    "a dropped connection": DROP,
}


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_answer_of_livekit_is_never_a_404_or_a_token(
    tenants: FlaskClient, livekit: FakeLiveKit, route: str, outage: str
) -> None:
    livekit.script = lambda method, message: OUTAGES[outage]
    assert failed(ROUTES[route](tenants)) == UNAVAILABLE


@pytest.mark.parametrize("route", ROUTES)
def test_request_during_the_server_s_end_is_unavailable(tenants: FlaskClient, livekit: FakeLiveKit, route: str) -> None:
    def begin_the_end(method: str, message: object) -> None:
        threading.Thread(target=tenants.application.extensions["sayna"].close).start()
        livekit.over.wait(30)

    livekit.script = begin_the_end
    assert failed(ROUTES[route](tenants)) == UNAVAILABLE


@pytest.mark.parametrize(
    "outage", ["HTML with 200", "HTML with 404", "unavailable", "no protobuf", "permission_denied"]
)
def test_room_that_cannot_be_created_has_no_token(tenants: FlaskClient, livekit: FakeLiveKit, outage: str) -> None:
    livekit.script = lambda method, message: OUTAGES[outage] if method == "CreateRoom" else None
    assert failed(token(tenants, tenant="a")) == UNAVAILABLE


def test_room_created_under_another_name_has_no_token(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.script = lambda method, message: Reply() if method == "CreateRoom" else None
    assert failed(token(tenants, tenant="a")) == UNAVAILABLE


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (refusal(403, "permission_denied"), "FAILED"),
        (refusal(500, "internal", "not found"), "FAILED"),
        (refusal(503, "unavailable"), "LIVEKIT_UNAVAILABLE"),
        (HTML, "LIVEKIT_UNAVAILABLE"),
    ],
)
def test_refusal_of_livekit_differs_from_an_outage(
    tenants: FlaskClient, livekit: FakeLiveKit, reply: Reply, code: str
) -> None:
    livekit.open("lobby", OWNED_BY_A)
    livekit.join("lobby", "ann", "TR_1")
    acts = {"RemoveParticipant", "MutePublishedTrack"}
    livekit.script = lambda method, message: reply if method in acts else None
    assert failed(remove(tenants, tenant="a")) == (500, code.replace("FAILED", "REMOVAL_FAILED"))
    assert failed(mute(tenants, tenant="a")) == (500, code.replace("FAILED", "MUTE_FAILED"))


def test_refused_look_at_a_participant_is_an_outage(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby", OWNED_BY_A)
    livekit.script = lambda method, message: refusal(403, "permission_denied") if method == "GetParticipant" else None
    assert failed(mute(tenants, tenant="a")) == UNAVAILABLE


@pytest.mark.parametrize("route", ROUTES)
def test_closed_port_is_an_outage(make_client: MakeClient, livekit: FakeLiveKit, route: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        client = make_client(**{**livekit.settings, "LIVEKIT_URL": url}, **AUTH)
        assert failed(ROUTES[route](client)) == UNAVAILABLE


@pytest.mark.parametrize("route", ROUTES)
def test_hanging_livekit_is_given_up_in_time(make_client: MakeClient, livekit: FakeLiveKit, route: str) -> None:
    client = make_client(**livekit.settings, **AUTH, LIVEKIT_TIMEOUT_SECONDS="0.3")
    token(client, "another", tenant="a")

    def hang(method: str, message: object) -> None:
        assert livekit.over.wait(60)

    livekit.script = hang
    assert failed(ROUTES[route](client)) == UNAVAILABLE
    livekit.over.set()


def test_deadline_is_for_all_questions_together(make_client: MakeClient, livekit: FakeLiveKit) -> None:
    client = make_client(**livekit.settings, **AUTH, LIVEKIT_TIMEOUT_SECONDS="0.5")
    token(client, "another", tenant="a")

    def dawdle(method: str, message: object) -> None:
        livekit.over.wait(0.4)

    livekit.script = dawdle
    assert failed(token(client, tenant="a")) == UNAVAILABLE
    livekit.over.set()


class FirstDrops:
    """Closes the connection under the first call of one method."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.dropped = 0

    def __call__(self, method: str, message: object) -> Reply | None:
        if method == self.method and not self.dropped:
            self.dropped += 1
            return DROP
        return None


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("ListRooms", "read"),
        ("ListParticipants", "read"),
        ("CreateRoom", "token"),
        ("GetParticipant", "mute"),
    ],
)
def test_request_lost_with_a_kept_connection_is_sent_again(
    tenants: FlaskClient, livekit: FakeLiveKit, method: str, route: str
) -> None:
    if route != "token":
        livekit.open("lobby", OWNED_BY_A)
    livekit.join("lobby", "ann", "TR_1")
    livekit.script = FirstDrops(method)
    assert ROUTES[route](tenants).status_code == 200
    assert livekit.calls.count(method) == 2


@pytest.mark.parametrize(("method", "route"), [("RemoveParticipant", "remove"), ("MutePublishedTrack", "mute")])
def test_act_lost_with_a_kept_connection_is_not_done_twice(
    tenants: FlaskClient, livekit: FakeLiveKit, method: str, route: str
) -> None:
    livekit.open("lobby", OWNED_BY_A)
    livekit.join("lobby", "ann", "TR_1")
    livekit.script = FirstDrops(method)
    assert failed(ROUTES[route](tenants)) == UNAVAILABLE
    assert livekit.calls.count(method) == 1


def test_connections_are_kept(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.open("lobby", OWNED_BY_A)
    for _ in range(50):
        assert token(tenants, tenant="a").status_code == 200
    assert len(livekit.connections) == 1


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_both_forms_of_the_url_work(make_client: MakeClient, livekit: FakeLiveKit, scheme: str) -> None:
    livekit.open("lobby")
    client = make_client(**{**livekit.settings, "LIVEKIT_URL": f"{scheme}://127.0.0.1:{livekit.port}/"})
    assert read(client).status_code == 200


def test_outage_ends_with_its_cause(tenants: FlaskClient, livekit: FakeLiveKit) -> None:
    livekit.script = lambda method, message: HTML
    assert failed(token(tenants, tenant="a")) == UNAVAILABLE
    livekit.script = lambda method, message: None
    assert token(tenants, tenant="a").status_code == 200
    assert "lobby" in livekit.rooms
