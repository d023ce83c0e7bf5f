"""The scripts that Redis runs: every file is used, and every name is a file."""

import re
from pathlib import Path

from sayna.state.redis import client

CALL = re.compile(r'\.run\(\s*"(\w+)"')


def test_every_script_is_run_by_its_name() -> None:
    modules = Path(client.__file__).parent.glob("*.py")
    assert {name for path in modules for name in CALL.findall(path.read_text("utf-8"))} == client.SCRIPTS.keys()
