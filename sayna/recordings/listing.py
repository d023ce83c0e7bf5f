"""Pages of recordings, at a bounded cost.

A flat listing of the store gives size and date of the audio and the version of each `owner.json` without a
call per recording. An `owner.json` is read once for each version of it and process, eight at a time. A page
costs at most MAX_PAGES listings and as many reads as they show owners that are not known yet; when that is
used up, the page is short and its cursor goes on from there.
"""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sayna.recordings.base import STREAM_ID, ObjectSummary, Store
from sayna.recordings.owner import MAX_OWNER_BYTES, Owner, read_owner

MAX_PAGES = 5
MAX_KEYS = 1000
# audio.ogg, owner.json, and the manifest that LiveKit's egress puts beside them.
KEYS_PER_RECORDING = 3
REMEMBERED = 10_000
READERS = 8


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of a page."""

    stream_id: str
    size_bytes: int
    last_modified: datetime
    room_name: str | None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """Recordings in the order of their keys; with a cursor there may be more, even if there are none here."""

    recordings: list[Recording]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Folder:
    """What a listing shows of one recording; `cut` says that the listing ended in the middle of it."""

    stream_id: str
    audio: ObjectSummary
    owner: ObjectSummary | None
    last_key: str
    cut: bool


class RecordingLister:
    """Reads pages and remembers owners by the version of the file that named them."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._known: OrderedDict[tuple[str, str], Owner] = OrderedDict()

    def page(self, allows: Callable[[Owner], bool], limit: int, after: str) -> tuple[list[Recording], str | None]:
        """Return at most `limit` recordings behind the key `after`, and the last key seen if more follow."""
        found: list[Recording] = []
        for _ in range(MAX_PAGES):
            folders, reached = self._folders(after, min(MAX_KEYS, KEYS_PER_RECORDING * limit + 1))
            for folder, owner in zip(folders, self._owners(folders), strict=True):
                # Before the place moves on: the cursor must not skip the one that did not fit.
                if len(found) == limit:
                    return found, after
                after = folder.last_key
                if allows(owner):
                    found.append(_line(folder, owner))
            if reached is None:
                return found, None
            after = reached
        return found, after

    def _folders(self, after: str, keys: int) -> tuple[list[_Folder], str | None]:
        """Return the recordings of one listing, and the last key of it if more follow."""
        listed, more = self._store.list(self._prefix, after, keys)
        groups = [(name, list(group)) for name, group in groupby(listed, self._folder_name)]
        # The last one may go on in the next listing: it is left for that.
        if more and len(groups) > 1:
            groups.pop()
        cut = more and len(groups) == 1
        shown = [folder for name, group in groups if (folder := self._folder(name, group, cut=cut))]
        return shown, groups[-1][1][-1].key if more and groups else None

    def _folder_name(self, entry: ObjectSummary) -> str:
        return entry.key.removeprefix(self._prefix).partition("/")[0]

    def _folder(self, name: str, group: list[ObjectSummary], *, cut: bool) -> _Folder | None:
        entries = {entry.key.removeprefix(f"{self._prefix}{name}/"): entry for entry in group}
        audio = entries.get("audio.ogg")
        if audio is None or not STREAM_ID.fullmatch(name):
            return None
        return _Folder(name, audio, entries.get("owner.json"), group[-1].key, cut)

    def _owners(self, folders: list[_Folder]) -> list[Owner]:
        if all(self._is_known(folder) for folder in folders):
            return [self._owner(folder) for folder in folders]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._owner, folders))

    def _is_known(self, folder: _Folder) -> bool:
        if folder.owner is None:
            return not folder.cut
        return (folder.owner.key, folder.owner.version) in self._known

    def _owner(self, folder: _Folder) -> Owner:
        if folder.owner is None and not folder.cut:
            return Owner()
        key = f"{self._prefix}{folder.stream_id}/owner.json"
        version = (key, folder.owner.version) if folder.owner else None
        if version and (known := self._known.get(version)):
            return known
        owner = read_owner(self._store.read(key, MAX_OWNER_BYTES))
        if version:
            self._known[version] = owner
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return owner


def _line(folder: _Folder, owner: Owner) -> Recording:
    return Recording(folder.stream_id, folder.audio.size, folder.audio.modified, owner.room_name)
