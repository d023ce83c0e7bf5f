"""Stores that speak S3 in their own way: regions, ETags, and credentials that are found instead of set."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sayna.config import ConfigError, load_config
from sayna.storage import open_store
from sayna.storage.s3 import quoted_etag
from tests.blueprints.conftest import MakeClient
from tests.recordings.wire import RecordedRequest, Reply, Wire
from tests.storage.places import ACCESS_KEY, SECRET_KEY, S3Place, s3_server
from tests.storage.test_s3_faults import AUDIO, HEAD, NO_KEYS, SETTINGS, client, s3

__all__ = ["client", "s3"]

REGIONS = ["RegionOne", "NL", "GRA", "eu-central-1", "garage", "my_zone", "zone.1", "1", "x"]
ETAGS = ['"e"', "e", 'W/"e"', "w/e", ' "e" ']
LIST = (
    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>call/audio.ogg</Key>{etag}<Size>4</Size>"
    "<LastModified>2026-11-22T14:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
SESSION = "canary-session-token"


@pytest.mark.parametrize("region", REGIONS)
def test_request_is_signed_for_any_region_name(s3: Wire, make_client: MakeClient, region: str) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD))
    settings = {**SETTINGS, "RECORDING_S3_REGION": region, "RECORDING_S3_ENDPOINT": s3.url}
    assert make_client(**settings).get("/recording/call").data == AUDIO
    assert f"/{region}/s3/aws4_request" in s3.requests[0].headers["authorization"]


@pytest.mark.parametrize("region", ["", "a/b", "-x", "eu central", "x" * 64, "r\u00e9gion"])
def test_text_that_no_region_is_called_stops_the_start(region: str) -> None:
    with pytest.raises(ConfigError, match="RECORDING_S3_REGION"):
        load_config({**SETTINGS, "RECORDING_S3_REGION": region})


@pytest.mark.parametrize("region", ["RegionOne", "my_zone"])
def test_real_server_accepts_its_own_region(tmp_path: Path, region: str) -> None:
    with s3_server(tmp_path, region=region) as port:
        # A folder of versitygw is a bucket.
        (tmp_path / "objects" / "bucket").mkdir()
        settings = {
            "RECORDING_S3_BUCKET": "bucket",
            "RECORDING_S3_REGION": region,
            "RECORDING_S3_ACCESS_KEY": ACCESS_KEY,
            "RECORDING_S3_SECRET_KEY": SECRET_KEY,
            "RECORDING_S3_ENDPOINT": f"http://127.0.0.1:{port}",
            "RECORDING_S3_FORCE_PATH_STYLE": "true",
        }
        store = open_store(load_config(settings).recording)
        assert store
        assert store.write("call/owner.json", b"{}", if_absent=True)
        assert not store.write("call/owner.json", b"{}", if_absent=True)
        assert store.read("call/owner.json", 10) == b"{}"


@pytest.mark.parametrize("etag", ETAGS)
def test_etag_in_any_spelling_serves_ranges(s3: Wire, client: FlaskClient, etag: str) -> None:
    head = {**HEAD, "ETag": etag}
    s3.script += [Reply(200, AUDIO, head), Reply(206, AUDIO[:10], head)]
    part = client.get("/recording/call", headers={"Range": "bytes=0-9", "If-Range": '"e"'})
    assert (part.status_code, part.data, part.headers["ETag"]) == (206, AUDIO[:10], '"e"')
    s3.script.append(Reply(200, AUDIO, head))
    assert client.get("/recording/call", headers={"If-None-Match": '"e"'}).status_code == 304
    s3.script.append(Reply(200, AUDIO, head))
    assert client.get("/recording/call").headers["ETag"] == '"e"'


@pytest.mark.parametrize("etag", ['"other"', "other", 'W/"other"', ""])
def test_range_of_a_changed_object_returns_503(s3: Wire, client: FlaskClient, etag: str) -> None:
    s3.script += [Reply(200, AUDIO, {**HEAD, "ETag": "e"}), Reply(206, AUDIO[:10], {**HEAD, "ETag": etag})]
    assert client.get("/recording/call", headers={"Range": "bytes=0-9"}).status_code == 503


@pytest.mark.parametrize("etag", ['a b"c', "caf\u00e9", "\x7f", "tab\there"])
def test_etag_that_no_header_may_carry_becomes_a_digest(etag: str) -> None:
    assert len(quoted_etag(etag)) == 66
    assert quoted_etag(etag) != quoted_etag(etag + "x")


def test_etag_without_content_is_none() -> None:
    assert [quoted_etag(etag) for etag in (None, "", '""', 'W/""', "  ")] == [""] * 5


@pytest.mark.parametrize("etag", [f"<ETag>{etag}</ETag>" for etag in ("&quot;e&quot;", "e", "")] + [""])
def test_list_needs_no_etag(s3: Wire, client: FlaskClient, etag: str) -> None:
    s3.script.append(Reply(200, LIST.format(etag=etag).encode(), {"Content-Type": "application/xml"}))
    [line] = client.get("/recording").get_json()["recordings"]
    assert (line["stream_id"], line["size_bytes"]) == ("call", 4)


def test_key_that_is_listed_again_is_passed_over(s3: Wire) -> None:
    """As RustFS does with start-after (github.com/rustfs/rustfs/issues/1165)."""
    s3.script.append(Reply(200, LIST.format(etag="").encode(), {"Content-Type": "application/xml"}))
    store = open_store(load_config({**SETTINGS, "RECORDING_S3_ENDPOINT": s3.url}).recording)
    assert store is not None
    assert store.list("", "call/audio.ogg", 10) == ([], False)


def test_session_token_goes_with_its_keys(s3: Wire, make_client: MakeClient) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD))
    settings = {**SETTINGS, "RECORDING_S3_ENDPOINT": s3.url, "RECORDING_S3_SESSION_TOKEN": SESSION}
    assert make_client(**settings).get("/recording/call").status_code == 200
    assert s3.requests[0].headers["x-amz-security-token"] == SESSION


def test_session_token_without_keys_stops_the_start() -> None:
    settings = {name: value for name, value in SETTINGS.items() if name not in NO_KEYS}
    with pytest.raises(ConfigError, match="RECORDING_S3_SESSION_TOKEN is set without its keys"):
        load_config({**settings, "RECORDING_S3_SESSION_TOKEN": SESSION})


def metadata_service(request: RecordedRequest) -> Reply | None:
    """Answer as the metadata service of EC2 (IMDSv2), and as that of a container."""
    expires = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": "ROLEKEY", "SecretAccessKey": "role-secret", "Token": SESSION, "Expiration": expires}
    roles = "/latest/meta-data/iam/security-credentials/"
    if (request.method, request.path) == ("PUT", "/latest/api/token"):
        return Reply(200, b"imds-token")
    if request.path == "/container":
        return Reply(200, json.dumps(keys).encode(), {"Content-Type": "application/json"})
    if request.headers.get("x-aws-ec2-metadata-token") != "imds-token":
        return None
    if request.path == roles:
        return Reply(200, b"sayna-role")
    return (
        Reply(200, json.dumps({"Code": "Success", **keys}).encode()) if request.path == roles + "sayna-role" else None
    )


@pytest.mark.parametrize("machine", ["EC2", "container"])
def test_role_of_the_machine_is_used_when_no_keys_are_set(
    s3: Wire, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    settings = {name: value for name, value in SETTINGS.items() if name not in NO_KEYS}
    with Wire(metadata_service) as service:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        if machine == "EC2":
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url)
        else:
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/container")
        s3.script.append(Reply(200, AUDIO, HEAD))
        assert make_client(RECORDING_S3_ENDPOINT=s3.url, **settings).get("/recording/call").data == AUDIO
        assert service.complaints == []
    headers = s3.requests[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ROLEKEY/")
    assert headers["x-amz-security-token"] == SESSION


def test_keys_of_the_environment_open_a_real_store(
    s3_port: int, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = S3Place(s3_port, "canary-chain")
    place.record("call", b"OggS")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", place.settings["RECORDING_S3_ACCESS_KEY"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", place.settings["RECORDING_S3_SECRET_KEY"])
    settings = {name: value for name, value in place.settings.items() if name not in NO_KEYS}
    store = open_store(load_config(settings).recording)
    assert store
    assert store.write("calls/x/owner.json", b"{}", if_absent=True)
    assert make_client(**settings).get("/recording/call").data == b"OggS"
