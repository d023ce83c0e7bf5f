"""`sayna backup` and `restore`: what cannot be made again, without secrets unless they are asked for."""

import contextlib
import gzip
import io
import json
import os
import sqlite3
import tarfile
from pathlib import Path

import pytest
from click.testing import Result

from sayna.cli.backup import MAX_BYTES, USAGE
from tests.cli.conftest import Run

HOOKS = [{"host": "sip.example.com", "url": "https://example.com/hook"}]


class Machine:
    """A server's files, and the settings that name them."""

    def __init__(self, root: Path) -> None:
        self.cache = root / "cache"
        self.cache.mkdir(parents=True, mode=0o700)
        self.settings = {
            "CACHE_PATH": str(self.cache),
            "AUTH_REQUIRED": "true",
            "AUTH_API_SECRETS_JSON": json.dumps([{"id": "acme", "secret": "canary-secret-of-acme"}]),
            "PUBLIC_URL": "https://speech.example.com",
        }

    def fill(self) -> None:
        (self.cache / "sip_hooks.json").write_text(json.dumps(HOOKS))
        (self.cache / USAGE).parent.mkdir(mode=0o700)
        with contextlib.closing(sqlite3.connect(self.cache / USAGE)) as database:
            database.execute("PRAGMA journal_mode = WAL")  # as the server's own
            database.execute("CREATE TABLE characters (tenant TEXT, billed INTEGER)")
            database.execute("INSERT INTO characters VALUES ('acme', 4711)")
            database.commit()

    def billed(self) -> int:
        with contextlib.closing(sqlite3.connect(self.cache / USAGE)) as database:
            return int(database.execute("SELECT billed FROM characters").fetchone()[0])


@pytest.fixture
def old(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "old")
    machine.fill()
    return machine


def clip_url(run: Run, machine: Machine) -> str:
    return run("clip", "Hi", "--expires", "0", "--tenant", "acme", **machine.settings).stdout


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def ok(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def test_another_machine_gets_everything_back(run: Run, old: Machine, tmp_path: Path) -> None:
    url = clip_url(run, old)
    ok(run("backup", "b.tar.gz", **old.settings))
    new = Machine(tmp_path / "new")

    ok(run("restore", "b.tar.gz", "--yes", **new.settings))

    assert json.loads((new.cache / "sip_hooks.json").read_text()) == HOOKS
    assert new.billed() == 4711
    assert clip_url(run, new) == url
    assert oct((new.cache / USAGE).stat().st_mode & 0o777) == "0o600"
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


def test_voices_of_the_operator_are_in_it(run: Run, old: Machine, tmp_path: Path) -> None:
    voices = "reception: [{provider: espeak}]\n"
    (tmp_path / "voices.yaml").write_text(voices)
    ok(run("backup", "b.tar.gz", **old.settings, VOICES_PATH="voices.yaml"))
    (tmp_path / "voices.yaml").write_text("other: [{provider: espeak}]\n")

    ok(run("restore", "b.tar.gz", "--yes", **old.settings, VOICES_PATH="voices.yaml"))

    assert (tmp_path / "voices.yaml").read_text() == voices
    assert "left out: VOICES_PATH/voices.yaml" in ok(run("restore", "b.tar.gz", "--yes", **old.settings)).stderr


def test_live_database_gets_what_the_backup_has(run: Run, old: Machine) -> None:
    ok(run("backup", "b.tar.gz", **old.settings))
    with contextlib.closing(sqlite3.connect(old.cache / USAGE)) as server:
        server.execute("UPDATE characters SET billed = 1")
        server.commit()

        ok(run("restore", "b.tar.gz", "--yes", **old.settings))

        assert server.execute("SELECT billed FROM characters").fetchone() == (4711,)


@pytest.mark.parametrize("option", [[], ["--with-secrets"]])
def test_secrets_of_settings_are_in_it_only_when_asked_for(run: Run, old: Machine, option: list[str]) -> None:
    ok(run("backup", "b.tar.gz", *option, **old.settings))

    assert (b"canary-secret" in b"".join(members(Path("b.tar.gz")).values())) == bool(option)


def test_settings_come_back_as_a_file_for_env_file(run: Run, old: Machine) -> None:
    ok(run("backup", "b.tar.gz", "--with-secrets", **old.settings))
    ok(run("restore", "b.tar.gz", "--settings-to", "new.env", "--yes", **old.settings))

    rows = json.loads(ok(run("--env-file", "new.env", "config", "show", "--json")).stdout)

    assert {row["name"] for row in rows} == set(old.settings)
    assert ok(run("--env-file", "new.env", "clip", "--key", "--tenant", "acme")).stdout


def test_nothing_is_replaced_without_yes(run: Run, old: Machine) -> None:
    ok(run("backup", "b.tar.gz", **old.settings))
    assert run("backup", "b.tar.gz", **old.settings).exit_code == 2
    (old.cache / "sip_hooks.json").write_text("[]")

    assert run("restore", "b.tar.gz", **old.settings).exit_code == 1
    assert run("restore", "b.tar.gz", text="n\n", **old.settings).exit_code == 1
    assert (old.cache / "sip_hooks.json").read_text() == "[]"


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_another_file_is_refused(run: Run, old: Machine, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "b.tar.gz"
    if content is None:
        with tarfile.open(file, "w:gz") as archive:
            archive.add(os.devnull, "cache/../../evil")
    else:
        file.write_bytes(content)

    result = run("restore", str(file), "--yes", **old.settings)

    assert (result.exit_code, "no backup of Sayna" in result.stderr) == (1, True)


def test_member_outside_of_the_known_names_is_not_written(run: Run, old: Machine, tmp_path: Path) -> None:
    ok(run("backup", "b.tar.gz", **old.settings))
    (tmp_path / "empty").touch()
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
        for name in ("settings.env", "cache/credential.key/../../evil", "LEXICON_PATH/../evil", "cache/audio"):
            archive.add(tmp_path / "empty", name)

    ok(run("restore", "c.tar.gz", "--yes", **old.settings))

    assert not list(tmp_path.rglob("evil"))
    assert not (old.cache / "audio").is_file()


def packed(**content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in {"settings.env": b"", **content}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


NOISE = bytes(range(256)) * 8
DAMAGED = {
    "a wrong checksum": packed(**{"cache/credential.key": NOISE})[:-8] + bytes(8),
    "a cut end": packed(**{"cache/credential.key": NOISE})[:-9],
    "hooks that are no JSON": packed(**{"cache/sip_hooks.json": b"{not json"}),
    "hooks that are no list": packed(**{"cache/sip_hooks.json": b"{}"}),
    "an empty database": packed(**{"cache/usage/usage.sqlite": b""}),
    "another file as the database": packed(**{"cache/usage/usage.sqlite": NOISE}),
    "more than the memory": gzip.compress(bytes(2**20)) * (MAX_BYTES // 2**20 + 1),
}


@pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
def test_damaged_backup_replaces_nothing(run: Run, old: Machine, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(raw)
    before = {path: path.read_bytes() for path in old.cache.rglob("*") if path.is_file()}

    result = run("restore", "b.tar.gz", "--yes", **old.settings)

    assert (result.exit_code, "no backup of Sayna" in result.stderr) == (1, True), result.output
    assert {path: path.read_bytes() for path in old.cache.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["LEXICON_PATH/", "LEXICON_PATH/.x", "LEXICON_PATH/a\0b", "LEXICON_PATH/a\nb"])
def test_strange_name_in_a_folder_is_not_written(run: Run, old: Machine, tmp_path: Path, name: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for each in ("settings.env", name):
            member = tarfile.TarInfo("x")
            member.pax_headers = {"path": each}
            archive.addfile(member)
    (tmp_path / "b.tar.gz").write_bytes(out.getvalue())
    folder = tmp_path / "lexicon"

    ok(run("restore", "b.tar.gz", "--yes", **old.settings, LEXICON_PATH=str(folder)))

    assert not folder.exists()
