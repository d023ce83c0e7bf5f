"""The guide's Node calls, in Node, with what the official SDK puts on the wire (it is not on npm)."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.whole import AUDIO, TOKEN, whole
from tests.programs import needs

pytestmark = pytest.mark.e2e
CALLS = Path(__file__).with_name("node_calls.mjs")


def test_every_call_of_the_node_sdk_works(tmp_path: Path, server: StartServer) -> None:
    node = needs("node", "apt-get install nodejs")
    with whole(tmp_path, server, AUTH_REQUIRED="true", AUTH_API_SECRET=TOKEN) as service:
        done = subprocess.run(
            [node, str(CALLS), service.url, TOKEN],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("speech") > 1000
    assert told == {
        "health": "ok",
        "voice": "aura-2-thalia-en",
        "livekit_url": "wss://livekit.example.com",
        "rooms": ["support-42"],
        "details": "support-42",
        "recording": len(AUDIO),
        "calls": [["initiated", "SCL_1"], ["initiated", "SCL_2"]],
        "hooks": [["pbx.example.com"], ["pbx.example.com"], []],
    }
