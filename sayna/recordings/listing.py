"""Pages of recordings, at a bounded cost.

A flat listing of the store gives size and date of the audio and the version of each `owner.json` without a
call per recording. Each process reads each version of an `owner.json` once, eight files at a time. A page costs
at most MAX_LISTINGS listings, and one read for each owner in them that is not known yet. After that the page is
short, and its cursor continues from there.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sayna.errors import InvalidRequest
from sayna.recordings.owners import Owner, OwnerFiles
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


# A folder below the prefix, and its entries by name, in the order of the listing.
Folder = tuple[str, dict[str, ObjectSummary]]


@dataclass(frozen=True, slots=True)
class RecordingLister:
    """Reads pages, and keeps owners in memory by the version of their file."""

    store: Store
    prefix: str
    max_listings: int = MAX_LISTINGS
    max_known_owners: int = MAX_KNOWN_OWNERS
    known: OrderedDict[ObjectSummary, Owner] = field(default_factory=OrderedDict)

    def page(self, allows: Callable[[Owner], bool], limit: int, after: str) -> tuple[list[Recording], str | None]:
        """Return at most `limit` recordings behind the key `after`, and the last key read if more follow."""
        recordings: list[Recording] = []
        for _ in range(self.max_listings):
            folders, cut, reached = self._folders(after, min(PAGE, KEYS_PER_RECORDING * limit + 1))
            for (stream_id, files), owner in zip(folders, self._owners(folders, cut=cut), strict=True):
                # Check before moving `after`, so that the next page begins with the recording that did not fit.
                if len(recordings) == limit:
                    return recordings, after
                after = _last_key(files)
                if allows(owner):
                    audio = files["audio.ogg"]
                    recordings.append(Recording(stream_id, audio.size, audio.modified, owner.room_name))
            if reached is None:
                return recordings, None
            after = reached
        return recordings, after

    def _folders(self, after: str, keys: int) -> tuple[list[Folder], bool, str | None]:
        """Return the recordings of one listing, whether it may end within one, and its last key if more follow."""
        listed, more = self.store.list(self.prefix, after, keys)
        groups = list(by_folder(listed, self.prefix))
        # The last recording may continue in the next listing, so leave it for that.
        if more and len(groups) > 1:
            groups.pop()
        cut = more and len(groups) == 1
        shown = [(name, files) for name, files in groups if "audio.ogg" in files and KEY_PART.fullmatch(name)]
        if not more or not groups:
            return shown, cut, None
        reached = _last_key(groups[-1][1])
        # Deeper keys are not of recordings. There may be very many of them, such as clips: pass over their folder.
        if reached.removeprefix(self.prefix).count("/") > 1:
            reached = f"{self.prefix}{groups[-1][0]}/\U0010ffff"
        return shown, cut, reached

    def _owners(self, folders: list[Folder], *, cut: bool) -> list[Owner]:
        files = [files.get("owner.json") for _, files in folders]
        if all(file in self.known if file else not cut for file in files):
            return [self._owner(*folder, cut=cut) for folder in folders]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda folder: self._owner(*folder, cut=cut), folders))

    def _owner(self, stream_id: str, files: dict[str, ObjectSummary], *, cut: bool) -> Owner:
        file = files.get("owner.json")
        if file is None and not cut:
            return Owner()
        if file and (known := self.known.get(file)):
            return known
        owner = OwnerFiles(self.store, self.prefix).read(stream_id) or Owner()
        if file:
            self.known[file] = owner
            if len(self.known) > self.max_known_owners:
                self.known.popitem(last=False)
        return owner


def by_folder(entries: Iterable[ObjectSummary], prefix: str) -> Iterator[Folder]:
    """Yield the folders of a listing."""
    for name, group in groupby(entries, lambda entry: entry.key.removeprefix(prefix).partition("/")[0]):
        yield name, {entry.key.removeprefix(f"{prefix}{name}/"): entry for entry in group}


def _last_key(files: dict[str, ObjectSummary]) -> str:
    return files[next(reversed(files))].key


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
