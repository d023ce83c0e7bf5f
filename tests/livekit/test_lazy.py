import subprocess
import sys

USE = """
import sys
from sayna.config import Secret
from sayna.livekit import LiveKit
from sayna.livekit.tokens import TokenMint
from sayna.livekit.webhook import Webhook
import app
assert not {"jwt", "livekit", "aiohttp", "asyncio", "google.protobuf"} & sys.modules.keys() - BASE, "a start"
TokenMint(Secret("k"), Secret("s" * 32), 60).token(room="r", identity="i", name="n", tenant="a")
assert not {"jwt", "livekit", "aiohttp", "google.protobuf"} & sys.modules.keys(), "a token"
"""


def test_neither_a_start_nor_a_token_loads_what_asks_livekit() -> None:
    # asyncio itself is loaded by parts of the foundation; what counts is that we add nothing to it
    script = USE.replace("BASE", '{"asyncio"}')
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
