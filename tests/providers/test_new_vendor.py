"""A new vendor is one file and one line; every table of vendors follows from them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire.acme import AcmeFake

ROOT = Path(__file__).parents[2]
GENERATED = {".env.example", "README.md", "docs/settings.md"}
COPIED = ("app.py", "pyproject.toml", "README.md", ".env.example", "sayna", "docs", "scripts")

# Runs in the scratch copy, after its pages were written, and prints what the server knows of the vendor.
ASK = """
import json, sys
from app import create_app
from sayna.config import load_config, settings

environ = {"ACME_API_KEY": "good", "ACME_BASE_URL": sys.argv[1], "DEFAULT_TTS_PROVIDER": "Acme-Speech"}
environ["HIBARI_ENABLED"] = "false"
app = create_app(load_config(environ))
client = app.test_client()
document = client.get("/openapi.json").get_json()
services = app.extensions["sayna"]
refused = client.post("/speak", json={"text": "x", "provider": "acme", "voice_settings": {"mood": "odd"}}).get_json()
print(json.dumps({
    "settings": {each.name: [each.group, each.yaml] for each in settings() if "ACME" in each.name},
    "openapi": document,
    "voices": client.get("/voices?provider=acme").get_json(),
    "refused": refused["error"],
    "spoken": client.post("/speak", json={"text": "Hello"}).get_json()["metadata"]["provider"],
    "order": list(services.providers),
    "default": services.config.speech.default_tts_provider,
    "configured": services.config.providers.configured,
}))
services.close()
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout with the vendor's file and its one line, and with its pages written anew."""
    scratch = tmp_path_factory.mktemp("scratch")
    for name in COPIED:
        if (ROOT / name).is_dir():
            # With __pycache__: otherwise each program of these tests would compile all of sayna.
            shutil.copytree(ROOT / name, scratch / name)
        else:
            shutil.copy(ROOT / name, scratch / name)
    shutil.copy(ROOT / "tests/providers/acme.py", scratch / "sayna/providers/acme.py")
    package = scratch / "sayna/providers/__init__.py"
    package.write_text(package.read_text().replace('    "piper":', '    "acme": "Acme",\n    "piper":'))
    python(scratch, "scripts/settings_page.py")
    return scratch


def python(folder: Path, *arguments: str) -> str:
    run = [sys.executable, "-B", *arguments]
    done = subprocess.run(run, cwd=folder, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_vendor_touches_only_its_own_places(checkout: Path) -> None:
    paths = [path for path in checkout.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    files = {str(path.relative_to(checkout)) for path in paths}

    changed = {name for name in files if not (ROOT / name).exists() or read(ROOT, name) != read(checkout, name)}

    assert changed - GENERATED == {"sayna/providers/__init__.py", "sayna/providers/acme.py"}
    here, there = (read(root, "sayna/providers/__init__.py").splitlines() for root in (ROOT, checkout))
    assert len(there) == len(here) + 1


def read(root: Path, name: str) -> str:
    return (root / name).read_text("utf-8")


def test_a_new_vendor_is_in_every_written_page(checkout: Path) -> None:
    assert "\n# --- acme ---\n# API key of Acme.\n#ACME_API_KEY=\n" in read(checkout, ".env.example")
    assert "| `ACME_API_KEY` (secret) |  | `providers.acme_api_key` |" in read(checkout, "docs/settings.md")
    row = "| [`acme`](docs/providers/acme.md) | `ACME_API_KEY` | linear16 8 kHz | 0.5-2.0 | 777 | streamed | mood |"
    assert row in read(checkout, "README.md").splitlines()


def test_a_new_vendor_is_known_to_the_whole_server(checkout: Path) -> None:
    with AcmeFake() as fake:
        known = json.loads(python(checkout, "-c", ASK, fake.url))

    places = {"ACME_API_KEY": "providers.acme_api_key", "ACME_BASE_URL": "providers.acme_base_url"}
    assert known["settings"] == {name: ["acme", place] for name, place in places.items()}
    assert (known["order"][-4:], known["default"]) == (["acme", "piper", "hibari", "espeak"], "acme")
    assert known["configured"] == ["acme", "espeak"]
    assert (known["voices"]["acme"][0]["id"], known["spoken"], fake.texts) == ("anna", "acme", ["Hello"])
    assert known["refused"] == "voice_settings.mood must be one of merry, grave"
    text = json.dumps(known["openapi"])
    assert text.count('"acme"') == text.count('"acme-speech"') == text.count('"polly"')
    assert "- acme: `mood` (merry, grave)" in text
    assert "- acme: `api_key`" in text


def test_a_new_vendor_needs_no_import_rule(checkout: Path) -> None:
    lint = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([lint, "--no-cache"], cwd=checkout, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout
