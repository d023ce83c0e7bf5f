"""The recordings as a caller sees them: found by stream_id, and only where they are the caller's."""

from sayna.caller import Caller
from sayna.recordings.base import STREAM_ID, ByteRange, ObjectInfo, ObjectStream, Store
from sayna.recordings.cursor import Cursors
from sayna.recordings.errors import InvalidStreamId, RecordingNotFound
from sayna.recordings.listing import RecordingLister, RecordingPage
from sayna.recordings.owner import MAX_OWNER_BYTES, Owner, read_owner


class Library:
    """One store, the prefix of its keys, and the rule for recordings without an owner."""

    def __init__(self, store: Store, prefix: str, *, strict: bool, secret: bytes) -> None:
        self.store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self._strict = strict
        self._listing = RecordingLister(store, self._prefix)
        self._cursors = Cursors(secret)

    def audio_key(self, stream_id: str) -> str:
        """Return the key of a recording's audio."""
        return f"{self._prefix}{stream_id}/audio.ogg"

    def owner_key(self, stream_id: str) -> str:
        """Return the key of the file that tells whose a recording is."""
        return f"{self._prefix}{stream_id}/owner.json"

    def owner(self, stream_id: str) -> Owner | None:
        """Return what is known about a recording's owner, or None when nothing was ever written."""
        content = self.store.read(self.owner_key(stream_id), MAX_OWNER_BYTES)
        return None if content is None else read_owner(content)

    def key_for(self, stream_id: str, caller: Caller) -> str:
        """Return the key under which this caller finds the audio; raises InvalidStreamId.

        A caller that may not have it gets a key under which there is nothing, so that what follows is the
        same, in words and in time, as for a recording that does not exist.
        """
        check(stream_id)
        if caller.is_unrestricted or (self.owner(stream_id) or Owner()).allows(caller, strict=self._strict):
            return self.audio_key(stream_id)
        # No name that the egress or the recorder ever writes.
        return f"{self._prefix}{stream_id}/denied"

    def find(self, key: str) -> ObjectInfo:
        """Return the description of the audio; raises RecordingNotFound."""
        found = self.store.find(key)
        if found is None:
            raise RecordingNotFound
        return found

    def open(self, key: str, span: ByteRange | None = None, found: ObjectInfo | None = None) -> ObjectStream:
        """Return the audio ready to be read; raises RecordingNotFound."""
        opened = self.store.open(key, span, found)
        if opened is None:
            raise RecordingNotFound
        return opened

    def page(self, caller: Caller, limit: int, cursor: str | None) -> RecordingPage:
        """Return some of the caller's recordings and the cursor of the next; raises InvalidRequest."""
        after = self._cursors.open(cursor) if cursor else ""
        recordings, reached = self._listing.page(lambda owner: owner.allows(caller, strict=self._strict), limit, after)
        return RecordingPage(recordings, self._cursors.seal(reached) if reached else None)


def check(stream_id: str) -> str:
    """Return the id; raises InvalidStreamId for what cannot be one."""
    if not STREAM_ID.fullmatch(stream_id):
        raise InvalidStreamId("a stream_id has 1 to 128 letters, digits and . _ - and no two dots in a row")
    return stream_id
