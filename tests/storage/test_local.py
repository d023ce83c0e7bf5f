"""The folder store, with links, devices and changes below it."""

import os
import threading
from pathlib import Path

import pytest

from sayna.storage import StorageUnavailable
from sayna.storage.local import LocalStore
from tests.blueprints.conftest import MakeClient
from tests.storage.places import LocalPlace

KEY = "calls/call/audio.ogg"


@pytest.fixture
def store(local: LocalPlace) -> LocalStore:
    return LocalStore(local.root, "calls")


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _symlinked_file(root: Path, outside: Path) -> None:
    (root / "calls/call").mkdir()
    (root / KEY).symlink_to(outside / "audio.ogg")


def _symlinked_folder(root: Path, outside: Path) -> None:
    (root / "calls/call").symlink_to(outside)


def _folder(root: Path, _: Path) -> None:
    (root / KEY).mkdir(parents=True)


def _fifo(root: Path, _: Path) -> None:
    (root / "calls/call").mkdir()
    os.mkfifo(root / KEY)


def _file_for_folder(root: Path, _: Path) -> None:
    (root / "calls/call").write_bytes(b"CANARY")


def _loop(root: Path, _: Path) -> None:
    (root / "calls/call").symlink_to(root / "calls/call")


@pytest.mark.parametrize("plant", [_symlinked_file, _symlinked_folder, _folder, _fifo, _file_for_folder, _loop])
def test_only_a_regular_file_inside_is_served(
    local: LocalPlace, make_client: MakeClient, tmp_path: Path, plant: object
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "audio.ogg").write_bytes(b"CANARY")
    plant(local.root, outside)  # type: ignore[operator]
    client = make_client(**local.settings)
    answer = client.get("/recording/call")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "RECORDING_NOT_FOUND")
    assert client.get("/recording").get_json()["recordings"] == []


def test_missing_root_folder_returns_503(local: LocalPlace, make_client: MakeClient) -> None:
    client = make_client(**local.settings | {"RECORDING_LOCAL_PATH": "/canary/nowhere"})
    for path in ("/recording/call", "/recording"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "RECORDING_STORAGE_UNAVAILABLE")
        assert "canary" not in answer.text


def test_changed_file_never_ends_normally(local: LocalPlace, store: LocalStore) -> None:
    for change in (b"x" * 10, b"x" * 300_000):
        local.put(KEY, b"OggS" * 50_000)
        stream = store.open(KEY)
        assert stream
        chunks = stream.chunks()
        next(chunks)
        local.put(KEY, change)
        with pytest.raises(StorageUnavailable):
            list(chunks)


def test_replaced_file_is_read_to_its_old_end(local: LocalPlace, store: LocalStore) -> None:
    local.put(KEY, b"OggS" * 50_000)
    stream = store.open(KEY)
    assert stream
    local.put("calls/call/new", b"other")
    (local.root / "calls/call/new").replace(local.root / KEY)
    assert b"".join(stream.chunks()) == b"OggS" * 50_000


def test_open_refuses_content_that_has_changed(local: LocalPlace, store: LocalStore) -> None:
    local.put(KEY, b"OggS")
    info = store.find(KEY)
    local.put(KEY, b"OggS2")
    with pytest.raises(StorageUnavailable):
        store.open(KEY, info=info)


def test_unread_streams_free_their_descriptors(local: LocalPlace, store: LocalStore) -> None:
    local.put(KEY, b"OggS")
    before = _descriptors()
    for _ in range(20):
        stream = store.open(KEY)
        assert stream
        stream.close()
        stream.close()
        store.find(KEY)
        store.list("calls/", "", 10)
        store.find("calls/none/audio.ogg")
    assert _descriptors() == before


def test_concurrent_writes_create_one_file(local: LocalPlace, store: LocalStore) -> None:
    created: list[bool] = []
    barrier = threading.Barrier(8)

    def create(number: int) -> None:
        barrier.wait()
        created.append(store.write("calls/call/owner.json", b"%d" % number, if_absent=True))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created) == [False] * 7 + [True]
    assert [path.name for path in (local.root / "calls/call").iterdir()] == ["owner.json"]
    assert (local.root / "calls/call/owner.json").stat().st_mode & 0o007 == 0


def test_delete_removes_a_file_and_accepts_a_missing_one(local: LocalPlace, store: LocalStore) -> None:
    store.write("calls/call/owner.json", b"{}")
    store.write("calls/call/owner.json", b"{1}")
    assert store.read("calls/call/owner.json", 100) == b"{1}"
    store.delete("calls/call/owner.json")
    store.delete("calls/call/owner.json")
    store.delete("calls/other/owner.json")
    assert store.read("calls/call/owner.json", 100) is None


def test_accel_prefix_names_the_file_for_nginx(local: LocalPlace, make_client: MakeClient) -> None:
    local.record("call", b"OggS")
    client = make_client(**local.settings, RECORDING_ACCEL_PREFIX="/_recordings/")
    answer = client.get("/recording/call", headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["X-Accel-Redirect"] == "/_recordings/calls/call/audio.ogg"
    assert answer.headers["Content-Type"] == "audio/ogg"
    assert client.get("/recording/none").status_code == 404


def test_write_does_not_replace_a_changed_or_deleted_file(store: LocalStore) -> None:
    key, before = "calls/call/owner.json", _descriptors()
    store.write(key, b"{}")
    info = store.find(key)
    assert store.write(key, b"{1}", replacing=info)
    assert not store.write(key, b"{2}", replacing=info)
    assert store.read(key, 10) == b"{1}"
    store.delete(key)
    assert not store.write(key, b"{3}", replacing=info)
    assert store.find(key) is None
    assert _descriptors() == before
