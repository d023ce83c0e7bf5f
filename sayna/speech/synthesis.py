"""One synthesis of a sound: the bill, the provider, the check of its audio, and the master that is kept."""

import itertools
import time
from collections.abc import Iterator

from sayna import audio
from sayna.caller import Caller
from sayna.errors import ProviderError
from sayna.providers.base import AudioStream
from sayna.speech import longtext
from sayna.speech.cache import AudioCache
from sayna.speech.plan import Plan
from sayna.speech.single_flight import Synthesis, SynthesisTask
from sayna.speech.usage import UsageMeter


class PlannedSynthesis(SynthesisTask):
    """The synthesis of the sound of a plan: bill, provider, plausibility, master. Its deadline starts with it."""

    def __init__(
        self, plan: Plan, cache: AudioCache, meter: UsageMeter, caller: Caller, *, reads_cache: bool, is_kept: bool
    ) -> None:
        self._plan = plan
        self._cache = cache
        self._reads_cache = reads_cache
        self._is_kept = is_kept
        self._meter = meter
        self._caller = caller
        self._request = plan.provider_request()
        self._created = time.time()
        self._spec = plan.target

    def start(self) -> Synthesis:
        """Return the audio under way with its first chunk made.

        Raises ProviderError and its kinds, QuotaExceeded, StoreUnavailable.
        """
        plan = self._plan
        # Another worker may have stored the clip after this request looked into the cache.
        if self._reads_cache and (clip := self._cache.get(plan.sound)):
            return Synthesis(iter((clip.audio,)), is_cached=True, created=clip.info.created, spec=clip.info.spec)
        stream = self._paid()
        self._spec = audio.master_of(stream.spec)
        try:
            chunks = audio.convert(audio.checked(stream.chunks, stream.spec), stream.spec, self._spec)
            chunks = _plausible(chunks, plan.provider.slug)
            first = next(chunks, b"")
        except BaseException:
            stream.close()
            raise
        return Synthesis(itertools.chain((first,), chunks), stream.close, created=self._created, spec=self._spec)

    def _paid(self) -> AudioStream:
        """Return the provider's audio, billed to the caller unless the provider refuses before it sends any."""
        plan, meter = self._plan, self._meter
        charge = meter.charge(self._caller, plan.provider.slug, plan.characters) if is_billed(plan) else None
        try:
            return longtext.synthesize(plan.provider, self._request, plan.request_seconds)
        except Exception:
            # When all clients hang up, the vendor has the text and bills it.
            if charge is not None and not self._request.deadline.cancelled:
                meter.refund(charge)
            raise

    def cancel(self) -> None:
        """Cancel the deadline, which ends every wait for the provider."""
        self._request.deadline.cancel()

    def store(self, audio: bytes) -> None:
        """Store the master, unless the request said no-store."""
        if self._is_kept:
            self._cache.put(self._plan.sound, self._plan.master(audio, self._spec, self._created))


def _plausible(chunks: Iterator[bytes], slug: str) -> Iterator[bytes]:
    try:
        yield from chunks
    except audio.ImplausibleAudio as error:
        raise ProviderError(f"{slug} sent bytes that are not the requested audio") from error


def is_billed(plan: Plan) -> bool:
    """Return whether a vendor bills the speech to this server: local voices and a request's own `auth` are free."""
    return not (plan.provider.local or plan.credentials)
