"""Every curl of the product's own guide, executed as it stands there but for the host."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.whole import AUDIO, Whole, whole
from tests.programs import needs

GUIDE = Path(__file__).parent / "guide" / "rest-api-guide.txt"


def commands() -> list[str]:
    """Return what a reader would copy: from `curl` to the end of the command, however many lines."""
    found: list[str] = []
    lines = iter(GUIDE.read_text("utf-8").splitlines())
    for line in lines:
        if not line.startswith("curl "):
            continue
        command = line
        while command.endswith("\\") or command.count("'") % 2:
            command += "\n" + next(lines)
        found.append(command)
    return found


@pytest.fixture
def service(tmp_path: Path, server: StartServer) -> Iterator[Whole]:
    with whole(tmp_path, server) as service:
        service.livekit.hangs_up_at_once = True
        yield service


def run(command: str, service: Whole, folder: Path) -> str:
    needs("curl", "apt-get install curl")
    needs("jq", "apt-get install jq")
    done = subprocess.run(
        ["/bin/sh", "-euc", command.replace("https://api.sayna.ai", service.url)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_curl_of_the_guide_works(service: Whole, tmp_path: Path) -> None:
    health, voices, speech, token, recording, call, own_call = commands()

    assert json.loads(run(health, service, tmp_path)) == {"status": "ok"}
    assert {"id", "sample", "name", "accent", "gender", "language"} <= set(json.loads(run(voices, service, tmp_path)))
    metadata = json.loads(run(speech, service, tmp_path))
    assert (metadata["provider"], metadata["audio_format"]) == ("deepgram", "wav")
    assert service.deepgram.texts == ["Welcome to Sayna"]
    answer = json.loads(run(token, service, tmp_path))
    assert (answer["room_name"], answer["participant_identity"]) == ("support-42", "alex-support")
    assert answer["livekit_url"] == "wss://livekit.example.com"
    run(recording, service, tmp_path)
    assert (tmp_path / "support-call-789.ogg").read_bytes() == AUDIO
    for command in (call, own_call):
        answer = json.loads(run(command, service, tmp_path))
        assert (answer["status"], answer["room_name"]) == ("initiated", "call-room-123")
        assert answer["participant_id"]
        assert answer["sip_call_id"]
    assert [asked.trunk.hostname for asked in service.livekit.dialled] == [
        "pbx.example.com:5060",
        "sip.provider.com:5060",
    ]


def test_the_guide_names_no_endpoint_that_is_not_tried() -> None:
    asked = {re.search(r"https://api\.sayna\.ai(\S*)", command) for command in commands()}

    assert {match[1] for match in asked if match} == {
        "/",
        "/voices",
        "/speak",
        "/livekit/token",
        "/recording/support-call-789",
        "/sip/call",
    }
