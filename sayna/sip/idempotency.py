"""The same answer to the same Idempotency-Key: per tenant, for 24 hours, over all workers."""

import contextlib
import hmac
import json
from collections.abc import Mapping

from sayna.errors import StoreUnavailable
from sayna.sip.errors import CallFailed, KeyReused
from sayna.state.ports import AlreadyBegun, Attempt, Once

BEGUN = "a call with this Idempotency-Key is under way, or its outcome is unknown; look into the room"

Answer = Mapping[str, str]


class IdempotencyRecord:
    """One request under one key; `answer` is the answer of an earlier request, if there was one."""

    def __init__(self, attempt: Attempt | None, request: bytes) -> None:
        self._attempt = attempt
        self._request = request
        self.answer = None if attempt is None else self._earlier(attempt)

    def begin(self) -> None:
        """Store that the call begins; raises CallFailed when another request has begun it."""
        if self._attempt is None:
            return
        try:
            self._attempt.begin(self._request)
        except AlreadyBegun as error:
            raise CallFailed(BEGUN) from error

    def finish(self, answer: Answer) -> None:
        """Store the answer for later requests; a store that fails must not turn the answer into an error."""
        if self._attempt is not None:
            with contextlib.suppress(StoreUnavailable):
                self._attempt.finish(json.dumps(dict(answer)))

    def cancel(self) -> None:
        """Free the key, because no phone rang; like `finish` it raises nothing."""
        if self._attempt is not None:
            with contextlib.suppress(StoreUnavailable):
                self._attempt.cancel()

    def _earlier(self, attempt: Attempt) -> Answer | None:
        earlier = attempt.earlier()
        if earlier is None:
            return None
        if not hmac.compare_digest(earlier.request, self._request):
            raise KeyReused("this Idempotency-Key came with another request; use a new key for a new call")
        # The process that started this call died. A retry could place the call twice.
        if earlier.result is None:
            raise CallFailed(BEGUN)
        answer: dict[str, str] = json.loads(earlier.result)
        return answer


def lend_record(
    keys: Once, tenant: str, key: str | None, request: Mapping[str, object], held: contextlib.ExitStack
) -> IdempotencyRecord:
    """Return the record of a tenant's key; no other request uses it until `held` ends. Without a key it stores nothing.

    Of a request, which may hold a password, it stores a keyed digest. Raises KeyReused, CallFailed, StoreUnavailable.
    """
    if key is None:
        return IdempotencyRecord(None, b"")
    try:
        # No line break is allowed in tenants and keys, so each pair has its own text.
        attempt = held.enter_context(keys.attempt(f"{tenant}\n{key}"))
    except TimeoutError as error:
        raise StoreUnavailable("a call with this Idempotency-Key is under way", retry_after=1) from error
    text = json.dumps(request, sort_keys=True).encode()
    return IdempotencyRecord(attempt, hmac.digest(key.encode(), text, "sha256"))
