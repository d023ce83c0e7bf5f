"""`flask clip`: a URL for configuration files, and the key that signs it."""

from pathlib import Path

import pytest
from click.testing import Result

from app import create_app
from sayna.config import load_config
from tests.blueprints.clips import SECRET, SECRETS, TENANTS, VOICE, digest, path_of, unpacked


def run(folder: Path, *arguments: str, **settings: str) -> tuple[Result, int]:
    """Return the result, and how many clips were rendered."""
    environ = {"CLIP_SECRETS_JSON": SECRETS, "CACHE_PATH": str(folder), "LOG_LEVEL": "ERROR", **settings}
    app = create_app(load_config(environ))
    result = app.test_cli_runner().invoke(args=["clip", *arguments])
    rendered = app.extensions["sayna"].cache.stats().entries
    app.extensions["sayna"].close()
    return result, rendered


def test_clip_prints_a_url_and_renders_nothing(tmp_path: Path) -> None:
    result, rendered = run(tmp_path, "Welcome", "--expires", "0", PUBLIC_URL="https://speech.example.com")

    assert (result.exit_code, rendered) == (0, 0), result.output
    assert result.output == f"https://speech.example.com{path_of({'t': 'Welcome', **VOICE})}\n"


def test_options_say_what_the_api_says(tmp_path: Path) -> None:
    result, rendered = run(
        tmp_path, "Hallo", "--language", "de", "--ext", "mp3", "--speed", "1.5", "--expires", "0", "--render"
    )

    assert (result.exit_code, rendered) == (0, 1), result.output
    assert result.output.startswith("http://localhost:3001/clip/")
    assert unpacked(result.output.partition("3001")[2]) == {"t": "Hallo", "p": "espeak", "v": "gmw/de", "s": 1.5}


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"PORT": "4001"}, "http://localhost:4001/"),
        ({"PORT": "4001", "BIND": "127.0.0.1:4002"}, "http://localhost:4002/"),
        ({"BIND": "unix:/run/sayna.sock"}, "http://localhost:3001/"),
    ],
)
def test_url_has_the_port_of_this_server(tmp_path: Path, settings: dict[str, str], address: str) -> None:
    result, _ = run(tmp_path, "Hi", **settings)

    assert result.output.startswith(address)


def test_tenant_has_a_key_of_its_own(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "--key", "--tenant", "tenant-a", **TENANTS)
    assert result.output == digest(SECRET, "tenant:tenant-a") + "\n"
    url, _ = run(tmp_path, "Hi", "--tenant", "tenant-a", "--expires", "0", **TENANTS)
    assert url.output.strip().endswith(path_of({"t": "Hi", **VOICE, "o": "tenant-a"}))


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    for arguments, settings in (
        (("Hi", "--tenant", "nobody"), TENANTS),
        (("Hi", "--expires", "5"), {}),
        (("x" * 999,), {}),
        ((), {}),
        (("Hi",), {"CLIP_SECRETS_JSON": "", "CACHE_PATH": ""}),
    ):
        result, _ = run(tmp_path, *arguments, **settings)
        assert result.exit_code in (1, 2)
        assert "Error: " in result.output
        assert "Traceback" not in result.output
