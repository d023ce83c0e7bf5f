"""GET /ready asks the same questions as the work: each check here stands beside what a request gets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna import __version__
from tests.blueprints.conftest import MakeClient
from tests.blueprints.test_speak import speak
from tests.wire import FaultServer, answers
from tests.wire.twirp import FakeLiveKit

NOTHING = {"piper": "off", "recordings": "off", "events": "off", "redis": "off", "serving": "ok"}


@pytest.fixture
def vendor() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def ready(client: FlaskClient) -> tuple[int, dict[str, str]]:
    answer = client.get("/ready")
    body = answer.get_json()
    assert body["version"] == __version__
    failed = [name for name, check in body["checks"].items() if check == "failed"]
    assert (answer.status_code == 503) is bool(failed) is ("error" in body) is (body.get("code") == "NOT_READY")
    assert all(name in body.get("error", "") for name in failed)
    assert body["status"] == ("unavailable" if failed else "ready")
    return answer.status_code, body["checks"]


def test_server_with_its_defaults_is_ready(client: FlaskClient) -> None:
    assert ready(client) == (200, {"cache": "ok", "providers": "ok", "hooks": "ok", **NOTHING})


def test_draining_server_is_not_ready_but_healthy(client: FlaskClient) -> None:
    client.application.extensions["sayna.draining"] = lambda: True
    assert ready(client)[0] == 503
    assert ready(client)[1]["serving"] == "failed"
    assert client.get("/").status_code == 200


def keeps_clips(client: FlaskClient) -> bool:
    """Return whether a request that was answered before is a hit."""
    speak(client, {"text": "Once"})
    return bool(speak(client, {"text": "Once"}).headers["x-cache"] == "HIT")


@pytest.mark.parametrize(
    ("mode", "check", "keeps"), [(0o700, "ok", True), (0o2775, "warn", True), (0o777, "failed", False)]
)
def test_cache_check_says_whether_clips_are_kept(
    make_client: MakeClient, tmp_path: Path, mode: int, check: str, keeps: bool
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    client = make_client()
    status, checks = ready(client)
    assert (checks["cache"], status) == (check, 503 if check == "failed" else 200)
    assert keeps_clips(client) is keeps


def test_cache_in_the_way_of_a_file_is_not_ready(make_client: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    client = make_client(CACHE_PATH=str(tmp_path / "file" / "cache"))
    assert ready(client)[1]["cache"] == "failed"
    assert not keeps_clips(client)


def test_server_without_folder_has_its_cache_check_off(make_client: MakeClient) -> None:
    assert ready(make_client(CACHE_PATH=""))[1]["cache"] == "off"


def test_hooks_in_a_folder_of_our_group_are_saved(
    make_client: MakeClient, tmp_path: Path, livekit: FakeLiveKit
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o2775)
    client = make_client(**livekit.settings)
    hooks = {"hooks": [{"host": "sip.example.com", "url": "https://127.0.0.1/hook", "auth_id": ""}]}
    allowed = make_client(**livekit.settings, SIP_HOOK_ALLOW_PRIVATE="true")
    assert allowed.post("/sip/hooks", json=hooks).status_code == 200
    assert ready(client)[1]["hooks"] == "ok"
    assert ready(client)[1]["events"] == "ok"


def test_damaged_hooks_are_not_ready(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    (tmp_path / "cache" / "sip_hooks.json").write_text("{")
    assert ready(client)[1]["hooks"] == "failed"


def test_events_that_cannot_be_stored_are_not_ready(
    make_client: MakeClient, tmp_path: Path, livekit: FakeLiveKit
) -> None:
    client = make_client(**livekit.settings)
    (tmp_path / "cache" / "sip").touch()
    assert ready(client)[1]["events"] == "failed"


def only(vendor: FaultServer, **more: str) -> dict[str, str]:
    """Return the settings of a server that has this vendor alone."""
    return {"ESPEAK_ENABLED": "false", "DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": vendor.url, **more}


def test_rejected_key_of_the_only_vendor_is_not_ready(make_client: MakeClient, vendor: FaultServer) -> None:
    client = make_client(**only(vendor))
    assert ready(client)[1]["providers"] == "ok"
    vendor.always(answers.whole(b"{}", "application/json", status=401))
    assert speak(client, {"text": "Hello"}).get_json()["code"] == "PROVIDER_REJECTED_CREDENTIALS"
    assert ready(client)[1]["providers"] == "failed"
    vendor.always(answers.whole(bytes(range(250)) * 96))
    assert speak(client, {"text": "Hello"}).status_code == 200
    assert ready(client)[1]["providers"] == "ok"


def test_rejected_key_of_a_caller_says_nothing(make_client: MakeClient, vendor: FaultServer) -> None:
    client = make_client(**only(vendor))
    vendor.always(answers.whole(b"{}", "application/json", status=401))
    speak(client, {"text": "Hello", "auth": {"api_key": "another"}})
    assert ready(client)[1]["providers"] == "ok"


def test_rejected_key_beside_other_voices_is_a_warning(make_client: MakeClient, vendor: FaultServer) -> None:
    client = make_client(**only(vendor, ESPEAK_ENABLED="true"))
    vendor.always(answers.whole(b"{}", "application/json", status=403))
    speak(client, {"text": "Hello", "provider": "deepgram"})
    assert ready(client) == (200, {"cache": "ok", "providers": "warn", "hooks": "ok", **NOTHING})


def test_server_without_any_provider_has_a_warning(make_client: MakeClient) -> None:
    client = make_client(ESPEAK_ENABLED="false")
    assert ready(client)[0] == 200
    assert ready(client)[1]["providers"] == "warn"
    assert speak(client, {"text": "Hello"}).get_json()["code"] == "PROVIDER_NOT_CONFIGURED"


def test_lost_folder_of_recordings_is_not_ready(make_client: MakeClient, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    folder.chmod(0o2770)
    client = make_client(RECORDING_LOCAL_PATH=str(folder))
    assert ready(client)[1]["recordings"] == "ok"
    folder.rmdir()
    assert ready(client)[1]["recordings"] == "failed"
    assert client.get("/recording/some-stream").status_code == 503
    folder.mkdir()
    folder.chmod(0o2770)
    assert ready(client)[1]["recordings"] == "ok"


def test_piper_without_voices_is_not_ready(make_client: MakeClient, tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    folder.chmod(0o2770)
    client: Any = make_client(PIPER_VOICES_PATH=str(folder))
    assert ready(client)[1]["piper"] == "failed"
