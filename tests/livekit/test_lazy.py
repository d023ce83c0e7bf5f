import subprocess
import sys

START = """
import sys
import app
app.create_app()
assert not {"asyncio", "livekit", "sayna.livekit.livekit_client", "sayna.sip.telephony"} & sys.modules.keys()
"""
TOKEN = """
import sys
from sayna.config import LiveKitConfig, Secret
from sayna.livekit.livekit_client import LiveKit
from sayna.livekit.tokens import TokenMint
from sayna.livekit.events import Webhook
TokenMint(Secret("k"), Secret("s" * 32), LiveKitConfig()).token(room="r", identity="i", name="n", tenant="a")
assert not {"jwt", "livekit", "aiohttp", "google.protobuf"} & sys.modules.keys(), "a token"
"""


def run(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_start_without_livekit_loads_nothing_that_serves_it() -> None:
    run(START)


def test_a_token_loads_nothing_that_asks_livekit() -> None:
    run(TOKEN)
