"""A pack: finished clips in one zip file, for a machine that has no vendor. Each clip carries its own digest."""

import re
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sayna.errors import InvalidRequest
from sayna.speech.cache import AudioCache
from sayna.speech.cache.clip import decode, encode

_KEY = re.compile(r"[0-9a-f]{64}")
# The head and the metadata of a clip beside its audio.
MAX_HEAD = 64 * 2**10
# Gets the clips that are done and their total.
Progress = Callable[[int, int], object]
# What became of a clip: it was taken, it was in the cache already, or it is damaged.
Outcome = Literal["taken", "known", "damaged"]


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


def import_pack(cache: AudioCache, path: Path, progress: Progress) -> Counter[Outcome]:
    """Take the clips of a pack into the cache, each after its digest was verified; return how many had each outcome.

    A clip is kept as long as one that was rendered now. Raises OSError, and InvalidRequest for a file that is no
    pack or that is larger than the cache.
    """
    outcomes: Counter[Outcome] = Counter()
    try:
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            if (size := sum(entry.file_size for entry in entries)) > cache.max_bytes:
                raise InvalidRequest(f"the pack has {size} bytes, and CACHE_MAX_BYTES is {cache.max_bytes}")
            for done, entry in enumerate(entries, 1):
                outcomes[_take(cache, pack, entry)] += 1
                progress(done, len(entries))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InvalidRequest("the file is not a pack, or it is cut") from error
    return outcomes


def _take(cache: AudioCache, pack: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Outcome:
    """Store one clip when every bit of it is as it was exported."""
    key = entry.filename
    if not _KEY.fullmatch(key):
        return "damaged"
    if cache.get(key):
        return "known"
    # A changed list of contents may point before the file.
    is_within = 0 <= entry.header_offset < pack.start_dir and entry.file_size <= cache.largest_clip + MAX_HEAD
    if not is_within or entry.compress_type != zipfile.ZIP_STORED:
        return "damaged"
    try:
        clip = decode(key, pack.read(entry))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError):
        return "damaged"
    is_kept = clip is not None and cache.put(key, replace(clip, info=replace(clip.info, created=time.time())))
    return "taken" if is_kept else "damaged"
