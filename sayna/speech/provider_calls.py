"""Calls of providers: billed to the caller before they start, and counted for the metrics."""

import contextlib
import time
from collections.abc import Iterator

from sayna import metrics
from sayna.caller import Caller
from sayna.errors import SaynaError
from sayna.providers.base import AudioStream, SpeechRequest
from sayna.speech import longtext
from sayna.speech.plan import Plan
from sayna.speech.usage import UsageMeter


def is_billed(plan: Plan) -> bool:
    """Return whether a vendor bills the speech to this server: local voices and a request's own `auth` are free."""
    return not (plan.provider.local or plan.credentials)


class ProviderCalls:
    """Starts syntheses, billed to a caller by `meter`."""

    def __init__(self, meter: UsageMeter) -> None:
        self.meter = meter

    def start(self, plan: Plan, request: SpeechRequest, caller: Caller) -> AudioStream:
        """Return the provider's audio, billed unless the provider refuses before it sends any.

        Raises ProviderError and its kinds, QuotaExceeded, and StoreUnavailable when a cap cannot be checked.
        """
        with contextlib.ExitStack() as held:
            held.enter_context(_rendering())
            stream = self._billed(plan, request, caller)
            held.callback(stream.close)
            # Now the stream ends what is held.
            opened = held.pop_all()
        return AudioStream(stream.spec, _watched(stream.chunks, plan.provider.slug, opened), opened.close)

    def _billed(self, plan: Plan, request: SpeechRequest, caller: Caller) -> AudioStream:
        slug, started = plan.provider.slug, time.monotonic()
        charge = self.meter.charge(caller, slug, plan.characters) if is_billed(plan) else None
        try:
            stream = longtext.synthesize(plan.provider, request, plan.request_seconds)
        except Exception as error:
            # When all clients hang up, the vendor has the text and bills it. In a chain, the next target is billed.
            if charge is not None and (plan.has_next or not request.deadline.cancelled):
                self.meter.refund(charge)
            _count_failure(slug, error)
            raise
        if (meters := metrics.meters()) is not None:
            meters.time_first_byte(slug, time.monotonic() - started)
            if charge is not None:
                meters.count("characters", plan.characters, slug, "billed")
        return stream


@contextlib.contextmanager
def _rendering() -> Iterator[None]:
    meters = metrics.meters()
    if meters is None:
        yield
        return
    meters.renderings.inc()
    try:
        yield
    finally:
        meters.renderings.dec()


def _watched(chunks: Iterator[bytes], slug: str, held: contextlib.ExitStack) -> Iterator[bytes]:
    with held:
        try:
            yield from chunks
        except SaynaError as error:
            _count_failure(slug, error)
            raise


def _count_failure(slug: str, error: Exception) -> None:
    metrics.count("vendor_errors", slug, error.code if isinstance(error, SaynaError) else SaynaError.code)
