"""Events for several hooks of one tenant."""

from pathlib import Path

import pytest

from sayna.config import load_config
from sayna.config.sip import CALL_ENDED
from sayna.errors import Overloaded
from sayna.sip.hook_events import HookEvents
from sayna.sip.hooks import Hooks
from sayna.state.outbox import SQLiteOutbox
from tests.sip.inbound import SETTINGS


def test_full_hook_keeps_no_event_from_the_others(tmp_path: Path) -> None:
    entry = '{"host": "%s.example.com", "url": "https://%s.example.com", "events": ["call_ended"]}'
    config = load_config({**SETTINGS, "SIP_HOOKS_JSON": f"[{entry % ('a', 'a')}, {entry % ('b', 'b')}]"})
    outbox = SQLiteOutbox(tmp_path, max_waiting_at_host=1)
    events = HookEvents(Hooks(config, None), outbox, lambda: None)
    outbox.put("EV_0", host="a.example.com", owner=None, room="", body="{}")
    with pytest.raises(Overloaded):
        events.send(CALL_ENDED, "EV_1", tenant=None, host="", room="lobby", body="{}")
    assert outbox.get("EV_1.b.example.com")
