"""The guide's Node calls, in Node, with what the official SDK puts on the wire (it is not on npm)."""

import json
import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import StartServer
from tests.e2e.test_guide import GUIDE
from tests.e2e.whole import AUDIO, STREAM_ID, TOKEN, whole
from tests.programs import needs

HERE = Path(__file__).parent
CALLS = HERE / "node_calls.mjs"
BEGINS = re.compile(r"(import \{|const |console\.log|await )")


def snippets() -> list[str]:
    """Return the guide's JavaScript: runs of whole statements, each run as one reader would copy it."""
    found: list[list[str]] = [[]]
    lines = iter(GUIDE.read_text("utf-8").splitlines())
    for line in lines:
        if not BEGINS.match(line):
            found.append([])
            continue
        statement = line
        while not statement.endswith(";"):
            statement += "\n" + next(lines)
        found[-1].append(statement)
    return ["\n".join(run) for run in found if run]


def test_every_call_of_the_node_sdk_works(tmp_path: Path, server: StartServer) -> None:
    node = needs("node", "apt-get install nodejs")
    with whole(tmp_path, server, AUTH_REQUIRED="true", AUTH_API_SECRET=TOKEN) as service:
        service.livekit.hangs_up_at_once = True
        done = subprocess.run(
            [node, str(CALLS), service.url, TOKEN],
            capture_output=True,
            text=True,
            timeout=90,
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


def test_every_line_of_the_guide_for_node_runs_as_it_stands(tmp_path: Path, server: StartServer) -> None:
    node = needs("node", "apt-get install nodejs")
    called = [re.findall(r"client\.(\w+)\(", snippet) for snippet in snippets()]
    assert called == [
        *(["health"], ["getVoices"], ["speakRest"], ["getLiveKitToken"], ["getRecording"]),
        *(["sipCall"], ["sipCall"]),
    ]
    # The one word of TypeScript, `streamId!`, is for the compiler.
    runs = [snippet.replace("streamId!", "streamId") for snippet in snippets()]
    imports = {line for run in runs for line in run.splitlines() if line.startswith("import ")}
    blocks = ["{\n" + "\n".join(line for line in run.splitlines() if line not in imports) + "\n}" for run in runs]
    script = tmp_path / "guide.mjs"
    with whole(tmp_path, server) as service:
        service.livekit.hangs_up_at_once = True
        opening = [
            *sorted(imports),
            f'import {{ clientOf }} from "{HERE}/node_client.mjs";',
            f'const client = clientOf("{service.url}", "", "{STREAM_ID}");',
        ]
        script.write_text("\n".join([*opening, *blocks]), "utf-8")
        done = subprocess.run(
            [node, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
        )

    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "ok"
    assert "id: 'aura-2-thalia-en'" in done.stdout
    assert re.search(r"^Received \d{4,} bytes$", done.stdout, re.M)
    assert re.search(r"^eyJ\S+ wss://livekit\.example\.com$", done.stdout, re.M)
    assert said[-1].startswith("SCL_1 PA_")
    assert [asked.trunk.hostname for asked in service.livekit.dialled] == [
        "pbx.example.com:5060",
        "sip.provider.com:5060",
    ]
    assert (tmp_path / f"{STREAM_ID}.ogg").read_bytes() == AUDIO
