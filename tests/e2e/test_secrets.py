"""What must never be written down: tokens, keys and spoken text."""

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Site, StartNginx, StartServer
from tests.e2e.vendor import KEY, Vendor
from tests.e2e.wire import Address

CANARY = "canary-5e83a1"
TOKEN = f"{CANARY}-right"


@pytest.fixture
def guarded(tmp_path: Path, vendor: Vendor, server: StartServer, nginx: StartNginx) -> Site:
    """A site that wants a token, and logs all that it can."""
    path = tmp_path / "sayna.sock"
    gunicorn = server(
        at=Address(path=path),
        AUTH_REQUIRED="true",
        AUTH_API_SECRET=TOKEN,
        LOG_LEVEL="DEBUG",
        **vendor.settings,
    )
    front = nginx(path)
    return Site(gunicorn.address, front.address, gunicorn, front, vendor)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_token_key_or_text_reaches_a_log_or_the_cache(tmp_path: Path, guarded: Site) -> None:
    right, wrong = f"Bearer {TOKEN}", f"Bearer {CANARY}-wrong"
    speech = {"text": f"{CANARY} spoken", "provider": "deepgram"}
    own_key = {**speech, "auth": {"api_key": f"{CANARY}-vendor"}}
    for address in (guarded.public, guarded.direct):
        asked = [
            address.ask("POST", "/speak", speech, Authorization=right).status,
            address.ask("POST", f"/speak?api_key={TOKEN}", speech).status,
            address.ask("POST", "/speak", own_key, Authorization=right).status,
            address.ask("POST", "/speak", speech, Authorization=wrong).status,
            address.ask("POST", f"/speak?api_key={CANARY}-wrong", speech).status,
            address.ask("POST", "/speak", speech, Authorization=f"Basic {CANARY}").status,
            address.ask("GET", f"/nowhere?api_key={CANARY}").status,
            address.ask("POST", f"/speak?api_key={TOKEN}", b"{" + CANARY.encode()).status,
            address.ask("POST", f"/speak?api_key={TOKEN}", {"text": "a", CANARY: 1, "voice_id": f"/{CANARY}/"}).status,
        ]
        assert asked == [200, 200, 400, 401, 401, 401, 404, 400, 400]
    guarded.gunicorn.signal(signal.SIGTERM)
    guarded.gunicorn.wait()
    assert guarded.public.ask("POST", f"/speak?api_key={CANARY}", speech, Authorization=right).status == 502

    written = files(tmp_path)
    assert guarded.nginx.access_log in written
    for secret in (CANARY.encode(), KEY.encode()):
        assert [path for path, content in written.items() if secret in content] == []


def test_every_line_of_the_log_is_json_with_the_same_keys(guarded: Site) -> None:
    guarded.public.ask("GET", "/")
    guarded.public.ask("POST", "/speak", {"text": "hello"}, Authorization=f"Bearer {TOKEN}")
    guarded.public.ask("POST", "/speak", {"text": "hello"})
    guarded.gunicorn.signal(signal.SIGHUP)
    guarded.gunicorn.signal(signal.SIGTERM)
    guarded.gunicorn.wait()

    lines = [json.loads(line) for line in guarded.gunicorn.log.splitlines()]
    assert all({"time", "level", "logger", "event"} <= set(line) for line in lines)
    requests = [line for line in lines if line["event"] == "request" and line["route"] == "/speak"]
    # Two workers may have written them, each at its own time.
    assert sorted((line["status"], "request_id" in line, "duration_ms" in line) for line in requests) == [
        (200, True, True),
        (401, True, True),
    ]
