"""`sayna backup FILE | restore FILE`: what cannot be made again, in one file."""

import contextlib
import gzip
import io
import json
import re
import sqlite3
import tarfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import click

from sayna import __version__
from sayna.cli.command import Command
from sayna.config import load_config, read_sources, settings
from sayna.state.blobs import FileBlobStore
from sayna.state.files import create_private, private_folder, replace_private
from sayna.state.secret import KEY_FILE

# Below CACHE_PATH: the key of cursors and clip URLs, the hooks that tenants saved, the characters that were billed.
HOOKS = "sip_hooks.json"
FILES = (KEY_FILE, HOOKS)
USAGE = "usage/usage.sqlite"
# Files and folders of the operator: names of their settings.
OUTSIDE = ("VOICES_PATH", "LEXICON_PATH")
SETTINGS, MANIFEST = "settings.env", "manifest.json"
_OF_OPERATOR = re.compile(rf"({'|'.join(OUTSIDE)})/[^/.\x00-\x1f][^/\x00-\x1f]*")
# Of all members: a small file could unpack to more than the memory.
MAX_BYTES = 2**28
# Bytes 18 and 19 of a database (SQLite's file format): a copy in memory cannot be read while they name a log.
NO_WAL = b"\1\1"


@click.command("backup", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Include the keys and secrets of the settings.")
@click.option("--yes", is_flag=True, help="Replace a file that exists.")
def backup(file: Path, *, with_secrets: bool, yes: bool) -> None:
    """Save hooks, usage, the key of clip URLs, voices, lexicons and settings in FILE. The server may run meanwhile."""
    if file.exists() and not yes:
        raise click.UsageError(f"{file} exists; add --yes to replace it")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in _members(with_secrets=with_secrets):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
            archive.addfile(member, io.BytesIO(content))
            click.echo(f"{len(content):>10,}  {name}")
        if archive.offset + tarfile.RECORDSIZE > MAX_BYTES:
            raise click.ClickException(f"the files have more than {MAX_BYTES // 2**20} MiB; restore would refuse them")
    _write(file, packed.getvalue())


def _members(*, with_secrets: bool) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, json.dumps({"sayna": __version__, "created": int(time.time())}).encode()
    yield SETTINGS, _settings(with_secrets=with_secrets).encode()
    if (folder := load_config().cache.path) is not None:
        for name in FILES:
            with contextlib.suppress(FileNotFoundError):
                yield f"cache/{name}", (folder / name).read_bytes()
        if (folder / USAGE).exists():
            yield f"cache/{USAGE}", _copy_of(folder / USAGE)
    for name, place in _outside():
        for each in sorted(place.iterdir()) if place.is_dir() else [place]:
            if each.is_file():
                yield f"{name}/{each.name}", each.read_bytes()


def _outside() -> Iterator[tuple[str, Path]]:
    """Yield the settings of OUTSIDE that are set, and their paths."""
    sources = read_sources()
    for info in settings():
        if info.name in OUTSIDE and (text := sources.text(info)):
            yield info.name, Path(text)


def _copy_of(database: Path) -> bytes:
    """Return a database as it is now, while other processes may write to it."""
    with (
        contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as live,
        contextlib.closing(sqlite3.connect(":memory:")) as saved,
    ):
        live.backup(saved)
        return saved.serialize()


def _settings(*, with_secrets: bool) -> str:
    """Return the settings as an --env-file; a secret that is left out is named in a comment."""
    sources, lines = read_sources(), []
    for info in settings():
        if not (text := sources.text(info)):
            continue
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"# {info.name}: a secret" if info.secret and not with_secrets else f"{info.name}='{quoted}'")
    return "\n".join([*lines, ""])


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--settings-to", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings of FILE here.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, settings_to: Path | None, *, yes: bool) -> None:
    """Put back what FILE holds, at the places that the settings of this machine name. Restart the server afterwards."""
    places = dict(_outside())
    members = _read(file)
    if not yes:
        click.confirm(f"Replace what this machine has of {', '.join(sorted(members))}?", abort=True)
    for name, content in members.items():
        kind, _, rest = name.partition("/")
        if name == SETTINGS and settings_to:
            _write(settings_to, content)
        elif kind == "cache" and (folder := load_config().cache.path):
            _put_back(private_folder(folder), rest, content)
        elif kind in places:
            place = places[kind]
            _write(place / rest if place.is_dir() or kind == "LEXICON_PATH" else place, content)
        else:
            click.echo(f"left out: {name}", err=True)
            continue
        click.echo(name)


def _read(file: Path) -> dict[str, bytes]:
    """Return the members of a backup by name; raises ClickException for another file, or a damaged one."""
    allowed = {SETTINGS, *(f"cache/{name}" for name in (*FILES, USAGE))}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(file)), mode="r:") as archive:
            for member in archive:
                known = member.name in allowed or _OF_OPERATOR.fullmatch(member.name)
                if known and member.isfile() and (content := archive.extractfile(member)):
                    found[member.name] = content.read()
        _check(found)
    except (tarfile.TarError, EOFError, OSError, ValueError, TypeError, zlib.error, sqlite3.Error) as error:
        raise click.ClickException(f"{file} is no backup of Sayna, or it is damaged") from error
    if SETTINGS not in found:
        raise click.ClickException(f"{file} is no backup of Sayna")
    return found


def _unpacked(file: Path) -> bytes:
    """Return the whole archive, because its checksum stands at the end; raises ClickException for a huge one."""
    with gzip.open(file) as packed:
        content = packed.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise click.ClickException(f"{file} holds more than {MAX_BYTES // 2**20} MiB; no backup of Sayna is so large")
    return content


def _check(members: dict[str, bytes]) -> None:
    """Raise ValueError, TypeError or sqlite3.Error for what the server could not read, before anything is replaced."""
    if not isinstance(json.loads(members.get(f"cache/{HOOKS}", b"").strip() or b"[]"), list):
        raise TypeError(HOOKS)
    if (usage := members.get(f"cache/{USAGE}")) is not None:
        with _opened(usage) as database:
            if database.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                raise ValueError(USAGE)


@contextlib.contextmanager
def _opened(content: bytes) -> Iterator[sqlite3.Connection]:
    """Give a database from its bytes; raises ValueError for none."""
    # SQLite says of an empty one that the memory is full.
    if not content:
        raise ValueError(USAGE)
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(content[:18] + NO_WAL + content[20:])
        yield database


def _put_back(folder: Path, name: str, content: bytes) -> None:
    """Replace a file of the cache's folder, as a server that runs takes it."""
    if name == HOOKS:
        FileBlobStore(folder).change(name, lambda _: content)
    elif name == USAGE:
        # Through SQLite: a server that runs would go on writing to a file that was replaced.
        private_folder((folder / name).parent)
        create_private(folder / name)
        with _opened(content) as saved, contextlib.closing(sqlite3.connect(folder / name)) as live:
            saved.backup(live)
    else:
        _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    """Write a private file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_private(path, content)
