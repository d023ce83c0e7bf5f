"""The forms of a sound: the formats and rates that are made of its master, live or from the cache (contract 3)."""

import io
import threading
from collections.abc import Iterator

from sayna import audio
from sayna.audio.spec import AudioSpec
from sayna.errors import SaynaError
from sayna.speech.cache import AudioCache, Clip, ClipInfo, form_key
from sayna.speech.plan import Plan
from sayna.speech.single_flight import Form, StreamLost

CHUNK_BYTES = 65536
# Threads that want the same form wait for one of them to make it; the number of locks bounds their memory.
LOCKS = 64
# A longer master, 87 s at 24 kHz, waits for its turn, because it takes much memory and CPU.
LARGE_BYTES = 4 * 2**20


class PlannedForm(Form):
    """The audio of a plan, made of the audio of its sound while that arrives; without a cache it is not kept."""

    def __init__(self, plan: Plan, cache: AudioCache | None) -> None:
        self.name = plan.form
        self._plan = plan
        self._cache = cache
        self._generation = cache.generation() if cache else None

    def is_shared(self, spec: AudioSpec) -> bool:
        """Whether another thread makes the form, once for all callers: coding is dear, moving samples is not."""
        return not audio.is_light(spec, self._plan.target)

    def chunks(self, source: Iterator[bytes], spec: AudioSpec, head: bytearray) -> Iterator[bytes]:
        """Yield the audio in this form, see audio.convert; raises SaynaError when it cannot be made."""
        try:
            plan = self._plan
            yield from audio.convert(source, spec, plan.target, plan.silence_ms, head, gain_db=plan.gain_db)
        except (SaynaError, StreamLost):
            raise
        except Exception as error:
            raise SaynaError(f"the speech could not be made {self.name}; ask for another audio_format") from error

    def store(self, whole: bytes, received: bytes, spec: AudioSpec, created: float) -> None:
        """Keep the form beside its master."""
        if self._cache is not None:
            master = self._plan.master(received, spec, created)
            clip = self._plan.clip(whole, master.info)
            self._cache.put_form(self._plan.sound, self.name, clip, self._generation, on_disk=True)


class StoredForms:
    """Answers plans from the cache: with a stored form, or with one that is made now of the stored master."""

    def __init__(self, cache: AudioCache) -> None:
        self._cache = cache
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._large = threading.Lock()
        # One thread at a time: a read from the disk holds a clip of up to 64 MiB twice.
        self._reading = threading.Lock()

    def get(self, plan: Plan) -> Clip | None:
        """Return the clip of a plan if no provider is needed for it; raises SaynaError when it cannot be made."""
        key = form_key(plan.sound, plan.form)
        if clip := self._cache.get(key, from_disk=False):
            return clip
        master = self._cache.get(plan.sound, from_disk=False)
        size = len(master.audio) if master else self._cache.largest_of(plan.sound)
        if size is None:
            return None
        generation = self._cache.generation()
        # Samples at the rate of the master are never stored twice.
        if (master is None or _is_costly(master.info, plan)) and (clip := self._read(key)):
            return clip
        if size > LARGE_BYTES:
            # A thread that waits for its turn must not hold the audio.
            del master
            with self._large:
                return self._made(plan, self._read(plan.sound), key, generation)
        master = master or self._read(plan.sound)
        with self._locks[hash(key) % LOCKS]:
            return self._made(plan, master, key, generation)

    def _read(self, key: str) -> Clip | None:
        with self._reading:
            return self._cache.get(key)

    def _made(self, plan: Plan, master: Clip | None, key: str, generation: object) -> Clip | None:
        """Return the form of a master, if there is one, unless another thread has just made it."""
        if master is None:
            return None
        on_disk = _is_costly(master.info, plan)
        if clip := self._cache.get(key, from_disk=on_disk):
            return clip
        head = bytearray()
        slices = (master.audio[at : at + CHUNK_BYTES] for at in range(0, len(master.audio), CHUNK_BYTES))
        # Without a list of the chunks: malloc would keep its memory after a long clip.
        made = io.BytesIO()
        made.writelines(PlannedForm(plan, None).chunks(slices, master.info.spec, head))
        whole = made.getvalue()
        clip = plan.clip(bytes(head) + whole if head else whole, master.info)
        self._cache.put_form(plan.sound, plan.form, clip, generation, on_disk=on_disk)
        return clip


def _is_costly(master: ClipInfo, plan: Plan) -> bool:
    """Return whether the form is coded or resampled: then it is worth a place on the disk."""
    return not audio.is_light(master.spec, plan.target) or master.sample_rate != plan.target.sample_rate
