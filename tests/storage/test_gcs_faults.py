"""Faults of Google Cloud Storage and of its tokens, at the wire."""

import json

import pytest

from sayna.cloud.google import GoogleTokens, NoToken
from sayna.config import load_config
from sayna.storage import open_store
from tests.blueprints.conftest import MakeClient
from tests.recordings.wire import Reply, Wire
from tests.storage.gcs import GCS
from tests.storage.places import GCSPlace

AUDIO = b"OggS" + bytes(200_000)
DESCRIBED = Reply(200, b'{"size":"200004","generation":"7","updated":"2026-11-22T14:00:00.000Z"}')


def test_token_serves_many_requests(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    gcs_place.record("call", AUDIO)
    client = make_client(**gcs_place.settings)
    for _ in range(3):
        assert client.get("/recording/call").data == AUDIO
    assert [each.path for each in gcs.wire.requests].count("/token") == 1


def test_revoked_token_is_renewed_once(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    gcs_place.record("call", AUDIO)
    client = make_client(**gcs_place.settings)
    client.get("/recording/call")
    gcs.tokens.clear()
    assert client.get("/recording/call").data == AUDIO


def test_refused_account_returns_503(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    gcs.wire.script.append(Reply(400, b'{"error":"invalid_grant","error_description":"canary"}'))
    answer = make_client(**gcs_place.settings).get("/recording/call")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert "canary" not in answer.text


def test_account_without_a_valid_key_returns_503(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    account = {**json.loads(gcs.account()), "private_key": "canary"}
    settings = {**gcs_place.settings, "RECORDING_GCS_CREDENTIALS_JSON": json.dumps(account)}
    assert make_client(**settings).get("/recording/call").status_code == 503


def test_key_whose_line_breaks_are_escaped_twice_is_taken(
    gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient
) -> None:
    account = gcs.account().replace(r"\n", r"\\n")
    gcs_place.record("call", AUDIO)
    settings = {**gcs_place.settings, "RECORDING_GCS_CREDENTIALS_JSON": account}
    assert make_client(**settings).get("/recording/call").data == AUDIO


def test_unreachable_token_service_raises_no_token(gcs: GCS) -> None:
    with Wire() as gone:
        account = {**json.loads(gcs.account()), "token_uri": f"{gone.url}/token"}
    with pytest.raises(NoToken):
        GoogleTokens(account, ("scope",)).token()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>canary</html>",
        b"[]",
        b'"canary"',
        b'{"access_token":"canary","expires_in":1e400}',
        b'{"access_token":"canary\\nX-Header: 1","expires_in":3600}',
        b'{"access_token":null,"expires_in":3600}',
    ],
)
def test_invalid_token_response_returns_503(
    gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient, body: bytes
) -> None:
    gcs.wire.script += [Reply(200, body)] * 3
    answer = make_client(**gcs_place.settings).get("/recording/call")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
    assert "canary" not in answer.text


def test_token_without_expiry_is_kept_until_refused(gcs: GCS) -> None:
    gcs.wire.script += [Reply(200, b'{"access_token":"first"}'), Reply(200, b'{"access_token":"second"}')]
    tokens = GoogleTokens(json.loads(gcs.account()), ("scope",))
    assert [tokens.token(), tokens.token(), tokens.token("first")] == ["first", "first", "second"]


def test_account_is_read_from_a_file(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient, tmp_path: object) -> None:
    path = tmp_path / "account.json"  # type: ignore[operator]
    path.write_text(gcs.account())
    gcs_place.record("call", AUDIO)
    settings = {**gcs_place.settings, "RECORDING_GCS_CREDENTIALS_PATH": str(path)}
    del settings["RECORDING_GCS_CREDENTIALS_JSON"]
    assert make_client(**settings).get("/recording/call").data == AUDIO


@pytest.mark.parametrize("status", [429, 500, 503])
def test_temporary_error_is_retried(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient, status: int) -> None:
    gcs_place.record("call", AUDIO)
    client = make_client(**gcs_place.settings)
    client.get("/recording/call")
    gcs.wire.script += [Reply(status), Reply(status)]
    assert client.get("/recording/call").data == AUDIO
    gcs.wire.script += [Reply(status)] * 3
    assert client.get("/recording/call").status_code == 503


def test_missing_bucket_returns_503(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    gcs.bucket = "another"
    client = make_client(**gcs_place.settings)
    for path in ("/recording/call", "/recording"):
        assert client.get(path).status_code == 503


@pytest.mark.parametrize(
    "script",
    [
        [Reply(403, b'{"error":{"code":403}}')],
        [Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"})],
        [Reply(200, b"[]")],
        [Reply(200, b'{"size":"x","generation":"7","updated":"2026-11-22T14:00:00Z"}')],
        [DESCRIBED, Reply(200, b"<html>log in</html>")],
        [DESCRIBED, Reply(206, AUDIO, {"Content-Encoding": "gzip"})],
        [DESCRIBED, Reply(404)],
        [DESCRIBED, Reply(403)],
    ],
)
def test_content_that_differs_from_metadata_returns_503(
    gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient, script: list[Reply]
) -> None:
    client = make_client(**gcs_place.settings)
    client.get("/recording/none")
    gcs.wire.script += script
    assert client.get("/recording/call").status_code == 503


@pytest.mark.parametrize("cut", [70_000, 100_000, len(AUDIO) - 1])
def test_truncated_body_aborts_the_response(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient, cut: int) -> None:
    client = make_client(**gcs_place.settings)
    client.get("/recording/none")
    gcs.wire.script += [DESCRIBED, Reply(200, AUDIO, cut=cut)]
    answer = client.get("/recording/call", buffered=False)
    with pytest.raises(Exception, match="the storage of recordings cannot be used right now"):
        answer.get_data()
    answer.close()


def test_disconnected_client_frees_the_store_connection(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    gcs_place.record("call", b"OggS" + bytes(30_000_000))
    answer = make_client(**gcs_place.settings).get("/recording/call", buffered=False)
    next(answer.iter_encoded())
    answer.close()
    assert gcs.wire.closed_early.wait(10)


def test_errors_of_small_objects_return_503(gcs: GCS, gcs_place: GCSPlace, make_client: MakeClient) -> None:
    store = open_store(load_config(gcs_place.settings).recording)
    assert store
    assert store.write("calls/call/owner.json", b"{}", if_absent=True)
    assert not store.write("calls/call/owner.json", b"{1}", if_absent=True)
    assert store.write("calls/call/owner.json", b"{2}")
    assert store.read("calls/call/owner.json", 100) == b"{2}"
    store.delete("calls/call/owner.json")
    store.delete("calls/call/owner.json")
    assert store.read("calls/call/owner.json", 100) is None
    for reply in (Reply(403), Reply(200, b"<html>"), Reply(200, b"{}", {"X-Goog-Generation": "1"}, cut=1)):
        gcs.wire.script.append(reply)
        with pytest.raises(Exception, match="storage"):
            store.read("calls/call/owner.json", 100)
    gcs.wire.script.append(Reply(403))
    with pytest.raises(Exception, match="storage"):
        store.delete("calls/call/owner.json")
