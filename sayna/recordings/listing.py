"""Pages of recordings, at a bounded cost.

A flat listing of the store gives size and date of the audio and the version of each `owner.json` without a
call per recording. Each process reads each version of an `owner.json` once, eight files at a time. A page costs
at most MAX_LISTINGS listings, and one read for each owner in them that is not known yet. After that the page is
short, and its cursor continues from there.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sayna.errors import InvalidRequest
from sayna.recordings.owners import MAX_OWNER_BYTES, Owner, read_owner
from sayna.storage import KEY_PART, PAGE, ObjectSummary, Store

MAX_LISTINGS = 5
# audio.ogg, owner.json and the manifest of LiveKit's egress.
KEYS_PER_RECORDING = 3
MAX_KNOWN_OWNERS = 10_000
MAX_CURSOR = 4096  # characters
READERS = 8


@dataclass(frozen=True, slots=True)
class Recording:
    """One line of a page; the size is None while the recording runs."""

    stream_id: str
    size_bytes: int | None
    last_modified: datetime
    room_name: str | None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """Recordings in the order of their keys; with a cursor there may be more, even when the page is empty."""

    recordings: list[Recording]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Folder:
    """One recording in a listing; `cut` means that the listing ended in the middle of it."""

    stream_id: str
    audio: ObjectSummary
    owner: ObjectSummary | None
    last_key: str
    cut: bool


class RecordingLister:
    """Reads pages, and keeps owners in memory by the version of their file."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        *,
        max_listings: int = MAX_LISTINGS,
        max_known_owners: int = MAX_KNOWN_OWNERS,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._max_listings = max_listings
        self._max_known_owners = max_known_owners
        self._known: OrderedDict[tuple[str, str], Owner] = OrderedDict()

    def page(self, allows: Callable[[Owner], bool], limit: int, after: str) -> tuple[list[Recording], str | None]:
        """Return at most `limit` recordings behind the key `after`, and the last key read if more follow."""
        recordings: list[Recording] = []
        for _ in range(self._max_listings):
            folders, reached = self._folders(after, min(PAGE, KEYS_PER_RECORDING * limit + 1))
            for folder, owner in zip(folders, self._owners(folders), strict=True):
                # Check before moving `after`, so that the next page begins with the recording that did not fit.
                if len(recordings) == limit:
                    return recordings, after
                after = folder.last_key
                if allows(owner):
                    audio = folder.audio
                    recordings.append(Recording(folder.stream_id, audio.size, audio.modified, owner.room_name))
            if reached is None:
                return recordings, None
            after = reached
        return recordings, after

    def _folders(self, after: str, keys: int) -> tuple[list[_Folder], str | None]:
        """Return the recordings of one listing, and the last key of it if more follow."""
        listed, more = self._store.list(self._prefix, after, keys)
        by_folder = groupby(listed, lambda entry: entry.key.removeprefix(self._prefix).partition("/")[0])
        groups = [(name, list(group)) for name, group in by_folder]
        # The last recording may continue in the next listing, so leave it for that.
        if more and len(groups) > 1:
            groups.pop()
        cut = more and len(groups) == 1
        shown = [folder for name, group in groups if (folder := self._folder(name, group, cut=cut))]
        if not more or not groups:
            return shown, None
        reached = groups[-1][1][-1].key
        # Deeper keys are not of recordings. There may be very many of them, such as clips: pass over their folder.
        if reached.removeprefix(self._prefix).count("/") > 1:
            reached = f"{self._prefix}{groups[-1][0]}/\U0010ffff"
        return shown, reached

    def _folder(self, name: str, group: list[ObjectSummary], *, cut: bool) -> _Folder | None:
        entries = {entry.key.removeprefix(f"{self._prefix}{name}/"): entry for entry in group}
        audio = entries.get("audio.ogg")
        if audio is None or not KEY_PART.fullmatch(name):
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
            if len(self._known) > self._max_known_owners:
                self._known.popitem(last=False)
        return owner


class Cursors:
    """Encrypts the cursors of pages, because they hold the key of a recording that may belong to another tenant."""

    def __init__(self, secret: bytes) -> None:
        # The prefix separates this key from the other uses of the same secret.
        self._key = base64.urlsafe_b64encode(hashlib.sha256(b"recordings cursor:" + secret).digest())

    def seal(self, key: str) -> str:
        """Return an opaque text for URLs."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - only pages need it

        return Fernet(self._key).encrypt(key.encode()).decode()

    def open(self, cursor: str) -> str:
        """Return the key inside; raises InvalidRequest for a cursor of another server."""
        from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415

        try:
            return Fernet(self._key).decrypt(cursor[:MAX_CURSOR].encode()).decode()
        except InvalidToken as error:
            raise InvalidRequest("cursor is not from this server; send the request without cursor") from error
