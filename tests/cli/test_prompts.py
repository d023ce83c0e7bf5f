"""`flask warm` and `flask pack`: nothing is paid twice, nothing is paid before the list is good."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from click.testing import Result
from flask import Flask

from app import create_app
from sayna.config import load_config
from tests.wire import answers
from tests.wire.deepgram import DeepgramFake

LIST = "name,text,sample_rate\nwelcome,Welcome,8000\ndigits/1,One,8000\nbye,Good-bye,8000\n"


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


def run(folder: Path, *arguments: str, stdin: str = "", **settings: str) -> Result:
    environ = {"CACHE_PATH": str(folder / "cache"), "LOG_LEVEL": "CRITICAL", **settings}
    app = create_app(load_config(environ))
    result = app.test_cli_runner().invoke(args=list(arguments), input=stdin)
    app.extensions["sayna"].close()
    return result


def keyless(folder: Path, deepgram: DeepgramFake) -> Flask:
    """An application without a key of Deepgram; the fake stands where the real one is."""
    config = load_config({"CACHE_PATH": str(folder / "cache"), "LOG_LEVEL": "CRITICAL"})
    app = create_app(config)
    app.extensions["sayna"].providers["deepgram"].base_url = deepgram.url
    return app


def of(deepgram: DeepgramFake) -> dict[str, str]:
    return {"DEEPGRAM_API_KEY": "good", "DEEPGRAM_BASE_URL": deepgram.url}


def written(folder: Path, text: str) -> str:
    path = folder / "prompts.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_warm_asks_then_renders_and_the_next_run_pays_nothing(tmp_path: Path, deepgram: DeepgramFake) -> None:
    path = written(tmp_path, LIST)

    first = run(tmp_path, "warm", path, stdin="y\n", **of(deepgram))
    assert first.exit_code == 0, first.output
    assert "3 prompts, 0 known, 3 to render, 18 characters: go on? [y/N]" in first.output
    assert len(deepgram.hits) == 3

    written(tmp_path, LIST + "sorry,Sorry,8000\n")
    again = run(tmp_path, "warm", path, "--yes", **of(deepgram))
    assert "4 prompts, 3 known, 1 to render, 5 characters" in again.output
    assert len(deepgram.hits) == 4


def test_warm_of_a_tenant_has_its_words_and_its_cap(tmp_path: Path, deepgram: DeepgramFake) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.csv").write_text("word,pronunciation\nGood-bye,Bye\n")
    secrets = '[{"id": "a", "secret": "a-secret-of-tenant-a", "characters_per_month": 12}]'
    settings = {"LEXICON_PATH": str(tmp_path / "words"), "AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": secrets}

    warmed = run(tmp_path, "warm", written(tmp_path, LIST), "--yes", "--tenant", "a", **settings, **of(deepgram))

    # Welcome, One and Bye have 13 characters.
    assert "3 to render, 13 characters" in warmed.output
    assert (warmed.exit_code, "1 of 3 prompts failed" in warmed.output) == (1, True), warmed.output
    unknown = run(tmp_path, "warm", written(tmp_path, LIST), "--yes", "--tenant", "b", **settings, **of(deepgram))
    assert (unknown.exit_code, "no tenant has the id b" in unknown.output) == (2, True)


@pytest.mark.parametrize(("arguments", "stdin", "code"), [(["--dry-run"], "", 0), ([], "n\n", 1)])
def test_warm_pays_nothing_without_a_yes(
    tmp_path: Path, deepgram: DeepgramFake, arguments: list[str], stdin: str, code: int
) -> None:
    result = run(tmp_path, "warm", written(tmp_path, LIST), *arguments, stdin=stdin, **of(deepgram))

    assert result.exit_code == code
    assert "3 to render" in result.output
    assert not deepgram.hits


def test_warm_renders_nothing_of_a_list_with_mistakes(tmp_path: Path, deepgram: DeepgramFake) -> None:
    path = written(tmp_path, LIST + "bye,Again,8000\nlate,Late,9\n")

    result = run(tmp_path, "warm", path, "--yes", **of(deepgram))

    assert result.exit_code == 1
    assert f"{path}, line 5: line 4 has the name bye already" in result.output
    assert f"{path}, line 6: " in result.output
    assert "mistakes: 2; nothing was rendered" in result.output
    assert not deepgram.hits


def test_out_has_a_file_for_each_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = "name,text,audio_format\na,One,\nb/c,One,mulaw\nd,One,sln\n"

    result = run(tmp_path, "warm", written(tmp_path, rows), "--out", str(out), "--yes")

    assert result.exit_code == 0, result.output
    files = sorted(str(path.relative_to(out)) for path in out.rglob("[!.]*.*"))
    assert files == ["a.wav", "b/c.ulaw", "d.sln24"]
    assert soundfile.info(out / "a.wav").samplerate == 24000


def test_out_counts_as_known_when_the_cache_is_gone(tmp_path: Path, deepgram: DeepgramFake) -> None:
    path, out = written(tmp_path, LIST), tmp_path / "out"
    run(tmp_path, "warm", path, "--out", str(out), "--yes", **of(deepgram))
    run(tmp_path, "cache", "clear", **of(deepgram))
    (out / "bye.wav").write_bytes(b"damaged")
    with (out / ".sayna-prompts").open("a") as journal:
        journal.write('["cut')

    result = run(tmp_path, "warm", path, "--out", str(out), "--yes", **of(deepgram))

    assert "3 prompts, 2 known, 1 to render" in result.output
    assert (len(deepgram.hits), soundfile.info(out / "bye.wav").samplerate) == (4, 8000)


def test_prompt_that_fails_is_told_and_the_others_are_kept(tmp_path: Path, deepgram: DeepgramFake) -> None:
    path = written(tmp_path, LIST)
    deepgram.then(answers.whole(b"no", "text/plain", 400))

    result = run(tmp_path, "warm", path, "--workers", "1", "--yes", **of(deepgram))

    assert result.exit_code == 1
    assert "line 2, welcome: " in result.output
    assert "1 of 3 prompts failed" in result.output
    again = run(tmp_path, "warm", path, "--yes", **of(deepgram))
    assert "2 known, 1 to render" in again.output


def test_warm_needs_a_cache_that_lasts(tmp_path: Path) -> None:
    result = run(tmp_path, "warm", written(tmp_path, LIST), "--yes", CACHE_PATH="")

    assert result.exit_code == 1
    assert "CACHE_PATH is not set" in result.output


def test_pack_brings_clips_to_a_machine_without_a_vendor(tmp_path: Path, deepgram: DeepgramFake) -> None:
    path, pack, other = written(tmp_path, LIST), str(tmp_path / "prompts.pack"), tmp_path / "other"
    run(tmp_path, "warm", path, "--yes", **of(deepgram))
    assert "3 clips" in run(tmp_path, "pack", "export", pack, **of(deepgram)).output

    taken = run(other, "pack", "import", pack)
    again = run(other, "pack", "import", pack)

    assert "3 clips taken, 0 were there already, 0 damaged ones refused" in taken.output
    assert "0 clips taken, 3 were there already" in again.output
    app = keyless(other, deepgram)
    body = {"text": "Welcome", "sample_rate": 8000, "provider": "deepgram"}
    played = app.test_client().post("/speak", json=body, headers={"Accept": "audio/*"})
    missing = app.test_client().post("/speak", json={**body, "text": "New"})
    renewed = app.test_client().post("/speak", json=body, headers={"Cache-Control": "no-cache"})
    app.extensions["sayna"].close()
    assert (played.status_code, played.headers["x-cache"]) == (200, "HIT")
    codes = {str(response.get_json()["code"]) for response in (missing, renewed)}
    assert codes == {"PROVIDER_NOT_CONFIGURED"}
    assert len(deepgram.hits) == 3


def test_pack_that_was_changed_is_refused_clip_by_clip(tmp_path: Path) -> None:
    pack, changed = tmp_path / "prompts.pack", tmp_path / "changed.pack"
    run(tmp_path, "warm", written(tmp_path, LIST), "--yes")
    run(tmp_path, "pack", "export", str(pack))
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(changed, "w") as target:
        one, two, _ = source.namelist()
        target.writestr(one, source.read(one)[:-2] + b"\0\1")
        target.writestr(two, source.read(one))
        target.writestr("../../etc/passwd", b"x")
        target.writestr(f"{'0' * 64}", source.read(one), zipfile.ZIP_DEFLATED)

    result = run(tmp_path / "other", "pack", "import", str(changed))

    assert result.exit_code == 1
    assert "0 clips taken, 0 were there already, 4 damaged ones refused" in result.output


def test_file_that_is_no_pack_or_too_large_is_a_sentence(tmp_path: Path) -> None:
    wrong, large = tmp_path / "wrong.pack", tmp_path / "large.pack"
    wrong.write_bytes(b"no zip")
    with zipfile.ZipFile(large, "w") as target:
        target.writestr("0" * 64, bytes(2**21))

    refused = run(tmp_path, "pack", "import", str(wrong))
    too_large = run(tmp_path, "pack", "import", str(large), CACHE_MAX_BYTES=str(2**20))

    assert "Error: the file is not a pack, or it is cut" in refused.output
    assert "CACHE_MAX_BYTES is 1048576" in too_large.output


# Where in an entry of the list of contents: the version, the flag of a UTF-8 name, the place of the clip, the name.
CHANGES = {
    "a later version": (6, b"\xff"),
    "a name that is no UTF-8": (8, b"\0\x08", 46, b"\xff"),
    "a place behind the file": (42, b"\xff\xff\xff\x7f"),
    "a size that is too large": (24, b"\xff\xff\0\0"),
    "a large size of its place": (20, b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_pack_with_changed_contents_is_a_sentence(tmp_path: Path, change: tuple[int | bytes, ...]) -> None:
    pack = tmp_path / "prompts.pack"
    with zipfile.ZipFile(pack, "w") as target:
        target.writestr("0" * 64, b"x" * 100)
    raw = bytearray(pack.read_bytes())
    for at, new in zip(change[::2], change[1::2], strict=True):
        begin = raw.index(b"PK\1\2") + int(at)
        raw[begin : begin + len(bytes(new))] = bytes(new)
    pack.write_bytes(raw)

    result = run(tmp_path, "pack", "import", str(pack))

    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
