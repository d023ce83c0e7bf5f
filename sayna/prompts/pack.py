"""A pack: finished clips in one zip file, for a machine that has no vendor. Each clip carries its own digest."""

import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sayna.errors import InvalidRequest
from sayna.speech.cache import AudioCache
from sayna.speech.cache.clip import decode, encode

_KEY = re.compile(r"[0-9a-f]{64}")
# The head and the metadata of a clip beside its audio.
MAX_HEAD = 64 * 2**10
# Gets the clips that are done and their total.
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many clips of a pack were taken, were in the cache already, and were damaged."""

    taken: int = 0
    known: int = 0
    damaged: int = 0


def export_pack(cache: AudioCache, path: Path, progress: Progress) -> int:
    """Write every clip of the cache into a pack; return their number. Raises OSError."""
    number = 0
    draft = path.with_name(f".{path.name}.part")
    try:
        # Stored, because audio hardly shrinks.
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as pack:
            keys = cache.keys()
            for done, key in enumerate(keys, 1):
                if clip := cache.get(key):
                    pack.writestr(key, encode(key, clip))
                    number += 1
                progress(done, len(keys))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return number


def import_pack(cache: AudioCache, path: Path, progress: Progress) -> ImportReport:
    """Take the clips of a pack into the cache, each after its digest was verified.

    A clip is kept as long as one that was rendered now. Raises OSError, and InvalidRequest for a file that is no
    pack or that is larger than the cache.
    """
    taken = known = damaged = 0
    try:
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            if (size := sum(entry.file_size for entry in entries)) > cache.max_bytes:
                raise InvalidRequest(f"the pack has {size} bytes, and CACHE_MAX_BYTES is {cache.max_bytes}")
            for done, entry in enumerate(entries, 1):
                if _KEY.fullmatch(entry.filename) and cache.get(entry.filename):
                    known += 1
                elif _take(cache, pack, entry):
                    taken += 1
                else:
                    damaged += 1
                progress(done, len(entries))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InvalidRequest("the file is not a pack, or it is cut") from error
    return ImportReport(taken, known, damaged)


def _take(cache: AudioCache, pack: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Store one clip when every bit of it is as it was exported; return whether it is stored."""
    key = entry.filename
    is_fit = _KEY.fullmatch(key) and entry.compress_type == zipfile.ZIP_STORED
    # A changed list of contents may point before the file.
    if not is_fit or not 0 <= entry.header_offset < pack.start_dir or entry.file_size > cache.largest_clip + MAX_HEAD:
        return False
    try:
        clip = decode(key, pack.read(entry))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False
    return clip is not None and cache.put(key, replace(clip, info=replace(clip.info, created=time.time())))
