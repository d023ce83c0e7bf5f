"""The recipes of docs/telephony.md for clip URLs, run as they are written."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from tests.blueprints.clips import SECRET, digest
from tests.e2e.clip_site import ClipSite, clip_site
from tests.e2e.program import Program, until
from tests.e2e.test_docs import blocks
from tests.programs import needs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "telephony.md"
SIGNERS = {
    "sh clip": ("sh", "-eu", "apt-get install coreutils", ("openssl", "apt-get install openssl")),
    "php": ("php", "-d display_errors=1", "apt-get install php-cli", None),
    "lua": ("lua5.4", "-W", "apt-get install lua5.4 lua-luaossl", None),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipSite]:
    with clip_site(tmp_path_factory.mktemp("recipes")) as site:
        yield site


def recipe(kind: str) -> str:
    """Return the one block of this kind on the page."""
    [text] = [text for found, text in blocks(PAGE) if found == kind]
    return text


@pytest.mark.parametrize("kind", SIGNERS)
def test_recipe_signs_a_url_that_plays(site: ClipSite, tmp_path: Path, kind: str) -> None:
    program, options, how_to_get, also = SIGNERS[kind]
    if also:
        needs(*also)
    file = tmp_path / "recipe"
    file.write_text(recipe(kind), "utf-8")
    signed = subprocess.run(
        [needs(program, how_to_get), *options.split(), str(file)],
        env={
            "PATH": "/usr/bin:/bin",
            "TEXT": "Grüße: zwei & drei?",
            "CLIP_KEY": digest(SECRET, "tenant:"),
            "SAYNA_URL": site.url(""),
        },
        capture_output=True,
        timeout=100,
        check=False,
    )

    url = signed.stdout.decode().strip()
    assert (signed.returncode, signed.stderr) == (0, b""), signed.stderr
    answer = site.public.ask("GET", url.removeprefix(site.url("")))
    assert (answer.status, answer.headers["content-type"]) == (200, "audio/basic"), url
    assert len(answer.body) > 8000


def test_agi_script_mints_a_clip_for_playback(site: ClipSite) -> None:
    script = recipe("python agi").replace("localhost:3001", f"127.0.0.1:{site.public.port}")
    ran = subprocess.run(
        [sys.executable, "-c", script, "You are caller 3"],
        input="agi_channel: x\n\n200 result=0\n",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    found = re.fullmatch(r'EXEC Playback "http://[^/]+(/clip/\S+\.ulaw)"\n', ran.stdout)
    assert found is not None, ran.stdout + ran.stderr
    assert site.public.ask("GET", found[1]).status == 200


def test_command_of_mod_tts_commandline_makes_the_file(site: ClipSite, tmp_path: Path) -> None:
    needs("curl", "apt-get install curl")
    [command] = re.findall(r'<param name="command" value="(.+)"/>', recipe_with("mod_tts_commandline"))
    # FreeSWITCH puts the text there with quotes of the shell.
    file = tmp_path / "said.wav"
    for name, value in (("file", str(file)), ("text", "'It'\\''s a text & more'"), ("rate", "16000")):
        command = command.replace(f"${{{name}}}", value)
    command = command.replace("localhost:3001", f"127.0.0.1:{site.public.port}")
    subprocess.run(["sh", "-euc", command], timeout=100, check=True)

    info = soundfile.info(file)
    assert (info.samplerate, info.channels) == (16000, 1)
    assert info.duration > 0.8


def recipe_with(word: str) -> str:
    """Return the block that stands first after a word."""
    text = PAGE.read_text("utf-8")
    return text[text.index(f"`{word}`") :].split("```")[1]


def test_asterisk_plays_a_clip_on_a_call(site: ClipSite, tmp_path: Path) -> None:
    program = needs("asterisk", "https://www.asterisk.org/downloads, because Debian 12 has none")
    for folder in ("etc", "spool/outgoing", "run", "log", "lib", "db"):
        (tmp_path / folder).mkdir(parents=True)
    url, heard = site.clip("This is a clip on a call.", "ulaw"), tmp_path / "heard"
    etc = tmp_path / "etc"
    places = {"astspooldir": "spool", "astrundir": "run", "astlogdir": "log", "astdbdir": "db"}
    lines = [f"{name} => {tmp_path / folder}" for name, folder in places.items()]
    (etc / "asterisk.conf").write_text("\n".join(["[directories]", f"astetcdir => {etc}", *lines, ""]))
    (etc / "modules.conf").write_text("[modules]\nautoload=yes\n")
    (etc / "extensions.conf").write_text(
        f"[clips]\nexten => play,1,Answer()\n same => n,Playback({url})\n same => n,Hangup()\n"
    )
    call = f"Channel: Local/play@clips\nApplication: Record\nData: {heard}.wav,0,15\n"
    (tmp_path / "call").write_text(call)
    argv = [program, "-f", "-C", str(etc / "asterisk.conf")]
    with Program(argv, cwd=tmp_path, env={"PATH": "/usr/sbin:/usr/bin:/bin"}, log=tmp_path / "asterisk.log"):
        (tmp_path / "call").rename(tmp_path / "spool" / "outgoing" / "call")
        until(lambda: heard_something(heard), 60, "Asterisk has recorded what it played")

    samples, _ = soundfile.read(f"{heard}.wav")
    assert abs(samples).max() > 0.1


def heard_something(heard: Path) -> bool:
    """Return whether Asterisk has closed a recording of more than a second."""
    file = heard.with_suffix(".wav")
    return file.exists() and file.stat().st_size > 16000
