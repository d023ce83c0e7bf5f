"""Links by which nginx fetches recordings: where they lead, and when Sayna sends the audio itself instead."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from sayna import http
from sayna.config import OutboundConfig, OutboundProxy, load_config
from sayna.storage import ObjectInfo, open_store
from tests.blueprints.conftest import MakeClient
from tests.recordings.wire import Reply, Wire
from tests.storage.places import GCSPlace, LocalPlace, Place
from tests.storage.test_s3_faults import AUDIO, HEAD, SETTINGS, s3

__all__ = ["s3"]

ACCEL = {"RECORDING_ACCEL_PREFIX": "/_store"}
INFO = ObjectInfo(4, '"e"', datetime.now(UTC), linkable=True)
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.1"}


def test_link_carries_the_range_and_the_version(s3: Wire, make_client: MakeClient) -> None:
    client = make_client(**SETTINGS, **ACCEL, RECORDING_S3_ENDPOINT=s3.url)
    s3.script.append(Reply(200, AUDIO, HEAD))
    answer = client.get("/recording/call", headers={"Range": "bytes=4-7"})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (200, b"", '"e"')
    assert answer.headers["X-Accel-Redirect"] == "/_store/call/audio.ogg"
    assert answer.headers["X-Store-Range"] == "bytes=4-7"
    assert answer.headers["X-Store-If-Match"] == '"e"'
    assert answer.headers["X-Store-Disposition"] == 'attachment; filename="call.ogg"'
    assert "Content-Disposition" not in answer.headers
    assert answer.headers["X-Store-URL"].startswith(f"{s3.url}/canary-bucket/call/audio.ogg?X-Amz-")
    assert [request.method for request in s3.requests] == ["HEAD"]


def test_client_without_nginx_gets_the_audio_itself(s3: Wire, make_client: MakeClient) -> None:
    s3.script.append(Reply(200, AUDIO, HEAD))
    client = make_client(**SETTINGS, **ACCEL, RECORDING_S3_ENDPOINT=s3.url)
    answer = client.get("/recording/call", environ_base=ELSEWHERE)
    assert answer.data == AUDIO
    assert not [name for name, _ in answer.headers if name.startswith(("X-Store", "X-Accel"))]


def test_client_without_nginx_gets_the_file_itself(local: LocalPlace, make_client: MakeClient) -> None:
    local.record("call", AUDIO)
    client = make_client(**local.settings, **ACCEL)
    answer = client.get("/recording/call", environ_base=ELSEWHERE)
    assert (answer.data, "X-Accel-Redirect" in answer.headers) == (AUDIO, False)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "canary-bucket.s3.amazonaws.com"),
        ("eu-central-1", "canary-bucket.s3.eu-central-1.amazonaws.com"),
    ],
)
def test_link_leads_to_the_region_itself(region: str, host: str) -> None:
    names = {**SETTINGS, "RECORDING_S3_FORCE_PATH_STYLE": "false", "RECORDING_S3_REGION": region}
    store = open_store(load_config(names).recording)
    link = store.link("calls/a=b/call/audio.ogg", INFO) if store else None
    assert link
    assert urlsplit(link.url.reveal()).hostname == host
    assert link.url.reveal() not in f"{link!r}{link}"


def test_link_is_signed_for_any_region_name() -> None:
    names = {**SETTINGS, "RECORDING_S3_REGION": "my_zone", "RECORDING_S3_ENDPOINT": "https://s3.example.com:9000"}
    store = open_store(load_config(names).recording)
    link = store.link("call/audio.ogg", INFO) if store else None
    assert link
    assert "%2Fmy_zone%2Fs3%2Faws4_request" in link.url.reveal()


def test_nginx_gets_no_link_where_a_proxy_leads_out(gcs_place: GCSPlace) -> None:
    proxy = OutboundProxy("proxy.example.com", 3128)
    config = load_config({**gcs_place.settings, "RECORDING_GCS_ENDPOINT": "https://storage.googleapis.com"}).recording
    s3_config = load_config(SETTINGS).recording
    http.set_way_out(OutboundConfig(proxy=proxy))
    try:
        for each in (config, s3_config):
            store = open_store(each)
            assert store
            assert store.link("call/audio.ogg", INFO) is None
    finally:
        http.set_way_out(OutboundConfig())


@pytest.mark.parametrize("more", [{"metadata": {"secret": "canary"}}, {"contentEncoding": "gzip"}])
def test_object_of_another_program_in_gcs_is_sent_by_sayna(
    gcs_place: GCSPlace, make_client: MakeClient, more: dict[str, object]
) -> None:
    gcs_place.record("call", AUDIO)
    gcs_place.gcs.described = more
    client = make_client(**gcs_place.settings, **ACCEL)
    assert client.get("/recording/call").data == AUDIO


def test_nothing_of_a_recording_is_handed_over_before_it_is_found(place: Place, make_client: MakeClient) -> None:
    client = make_client(**place.settings, **ACCEL)
    answer = client.get("/recording/none")
    assert (answer.status_code, "X-Accel-Redirect" in answer.headers) == (404, False)
