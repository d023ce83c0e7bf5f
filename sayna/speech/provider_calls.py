"""Calls of providers: billed to the caller before they start, and counted for the metrics."""

import contextlib
import time
from collections.abc import Iterator

from sayna import metrics
from sayna.caller import Caller
from sayna.config.server import UsageConfig
from sayna.errors import Overloaded, SaynaError
from sayna.http import Deadline
from sayna.providers.base import AudioStream, SpeechRequest
from sayna.speech import longtext
from sayna.speech.plan import Plan
from sayna.speech.usage import UsageMeter
from sayna.state.ports import Slots

# How long a call waits for a slot of its vendor (contract 15).
WAIT_SECONDS = 2.0


def is_billed(plan: Plan) -> bool:
    """Return whether a vendor bills the speech to this server: local voices and a request's own `auth` are free."""
    return not (plan.provider.local or plan.credentials)


class VendorBusy(Overloaded):
    """As many calls of the provider as VENDOR_CONCURRENCY allows are under way; another target may speak."""


class TenantBusy(Overloaded):
    """As many syntheses of the tenant as TENANT_CONCURRENCY allows are under way."""

    is_callers_own = True


class ProviderCalls:
    """Starts syntheses, billed to a caller by `meter`, and never more at a time than the limits allow."""

    def __init__(self, meter: UsageMeter, slots: Slots, limits: UsageConfig) -> None:
        self.meter = meter
        self._slots = slots
        self._at_vendor = dict(limits.vendor_concurrency)
        self._of_tenant = limits.tenant_concurrency

    def start(self, plan: Plan, request: SpeechRequest, caller: Caller) -> AudioStream:
        """Return the provider's audio, billed unless the provider refuses before it sends any.

        Raises ProviderError and its kinds, QuotaExceeded, VendorBusy, TenantBusy, and StoreUnavailable when a cap
        cannot be checked.
        """
        with contextlib.ExitStack() as held:
            self._take_tenant_slot(held, caller)
            if (meters := metrics.meters()) is not None:
                held.enter_context(meters.renderings.track_inprogress())
            stream = self._billed(plan, request, caller)
            held.callback(stream.close)
            # Now the stream ends what is held.
            opened = held.pop_all()
        return AudioStream(stream.spec, _watched(stream.chunks, plan.provider.slug, opened), opened.close)

    def _billed(self, plan: Plan, request: SpeechRequest, caller: Caller) -> AudioStream:
        slug, started = plan.provider.slug, time.monotonic()
        bill = self.meter.charge(caller, slug, plan.characters) if is_billed(plan) else None
        try:
            stream = longtext.synthesize(
                plan.provider, request, plan.request_seconds, pauses=plan.pauses, ask=self._caller_of(plan)
            )
        except Exception as error:
            # When all clients hang up, the vendor has the text and bills it. In a chain, the next target is billed.
            if bill is not None and (plan.has_next or not request.deadline.cancelled):
                self.meter.refund(bill, plan.characters)
            _count_failure(slug, error)
            raise
        if (meters := metrics.meters()) is not None:
            meters.time_first_byte(slug, time.monotonic() - started)
            if bill is not None:
                meters.count("characters", plan.characters, slug, "billed")
        return stream

    def _take_tenant_slot(self, held: contextlib.ExitStack, caller: Caller) -> None:
        if self._of_tenant is None:
            return
        try:
            # Without waiting: a tenant that waits holds a place that another tenant needs.
            held.enter_context(self._slots.hold(f"tenant {caller.tenant or ''}", self._of_tenant, 0))
        except TimeoutError as error:
            raise TenantBusy(
                f"{self._of_tenant} syntheses of this tenant are under way; try again", retry_after=1
            ) from error

    def _caller_of(self, plan: Plan) -> longtext.Ask | None:
        """Return what calls the provider of a plan in a slot of it, None where its calls have no limit."""
        provider = plan.provider
        limit = self._at_vendor.get(provider.slug)
        # The account of a request's own credentials has limits of its own.
        if limit is None or plan.credentials:
            return None

        def call(request: SpeechRequest, is_first: bool) -> AudioStream:
            # A later part waits longer, because the client has audio already.
            seconds = (0.0 if plan.has_next else WAIT_SECONDS) if is_first else request.deadline.remaining()
            with contextlib.ExitStack() as held:
                self._take_slot(held, provider.slug, limit, seconds, request.deadline)
                stream = provider.synthesize(request)
                held.callback(stream.close)
                opened = held.pop_all()
            return AudioStream(stream.spec, _until_end(stream.chunks, opened), opened.close)

        return call

    def _take_slot(self, held: contextlib.ExitStack, slug: str, limit: int, seconds: float, deadline: Deadline) -> None:
        until = time.monotonic() + seconds
        while True:
            # In short waits, so that a request without clients gives up.
            left = max(0.0, min(until - time.monotonic(), deadline.remaining()))
            try:
                held.enter_context(self._slots.hold(slug, limit, min(left, 0.5)))
            except TimeoutError as error:
                if left:
                    continue
                raise VendorBusy(
                    f"{limit} calls of {slug} are under way, as many as this server may make; try again", retry_after=1
                ) from error
            return


def _watched(chunks: Iterator[bytes], slug: str, held: contextlib.ExitStack) -> Iterator[bytes]:
    with held:
        try:
            yield from chunks
        except SaynaError as error:
            _count_failure(slug, error)
            raise


def _until_end(chunks: Iterator[bytes], held: contextlib.ExitStack) -> Iterator[bytes]:
    with held:
        yield from chunks


def _count_failure(slug: str, error: Exception) -> None:
    metrics.count("vendor_errors", slug, error.code if isinstance(error, SaynaError) else SaynaError.code)
