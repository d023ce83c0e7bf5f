import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sayna.config import Secret
from sayna.livekit.events import Event, Webhook
from sayna.state.embedded import embedded_state
from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH
from tests.livekit.events import JOINED, encoded, signed
from tests.wire.twirp import KEY, SECRET

SETTINGS = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}


def send(client: FlaskClient, body: bytes, authorization: str | None = None) -> TestResponse:
    header = signed(body) if authorization is None else authorization
    return client.post(
        "/livekit/webhook",
        data=body,
        content_type="application/webhook+json",
        headers={"Authorization": header},
    )


@pytest.mark.parametrize("auth", [{}, AUTH])
def test_webhook_needs_livekit_s_signature_and_no_token_of_ours(make_client: MakeClient, auth: dict[str, str]) -> None:
    client = make_client(**SETTINGS, **auth)
    for _ in range(2):
        answer = send(client, encoded(JOINED))
        assert (answer.status_code, answer.get_json()) == (200, {"status": "received"})
    assert send(client, encoded(JOINED), "Bearer nonsense").status_code == 401
    assert client.post("/livekit/webhook", data=encoded(JOINED)).get_json()["code"] == "INVALID_SIGNATURE"


def test_signed_nonsense_is_a_bad_request(make_client: MakeClient) -> None:
    answer = send(make_client(**SETTINGS), b"nonsense")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_REQUEST")


def test_body_within_livekits_limits_is_read_whatever_ours_is(make_client: MakeClient) -> None:
    client = make_client(**SETTINGS, MAX_BODY_BYTES="2000")
    metadata = "m" * 2**20
    large = encoded({**JOINED, "room": {**JOINED["room"], "metadata": metadata}})
    assert send(client, large).status_code == 200
    assert send(client, b" " * 2**21, "x").status_code == 401
    assert send(client, b" " * (2**21 + 1), "x").status_code == 413


def test_unconfigured_server_answers_503(client: FlaskClient) -> None:
    answer = send(client, encoded(JOINED))
    assert (answer.status_code, answer.get_json()["code"]) == (503, "LIVEKIT_NOT_CONFIGURED")


def test_only_post_is_taken(make_client: MakeClient) -> None:
    answer = make_client(**SETTINGS).get("/livekit/webhook")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "OPTIONS, POST")


def test_event_id_is_remembered_over_a_restart(make_client: MakeClient) -> None:
    assert send(make_client(**SETTINGS), encoded(JOINED)).status_code == 200
    client = make_client(**SETTINGS)
    services = client.application.extensions["sayna"]
    received: list[Event] = []
    state = embedded_state(services.config, services.config.cache.path)
    webhook = Webhook(Secret(KEY), Secret(SECRET), state.event_ids, (received.append,))
    webhook.accept(encoded(JOINED), signed(encoded(JOINED)))
    assert received == []
    later = encoded({**JOINED, "id": "EV_2"})
    webhook.accept(later, signed(later))
    assert [event.id for event in received] == ["EV_2"]


def test_log_has_the_event_without_the_phone_number(
    make_client: MakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    send(make_client(**SETTINGS), encoded(JOINED))
    lines = capsys.readouterr().err
    assert "+1555" not in lines
    [event] = [line for line in map(json.loads, lines.splitlines()) if line["event"] == "livekit_event"]
    assert (event["name"], event["id"], event["new"]) == ("participant_joined", "EV_1", True)
