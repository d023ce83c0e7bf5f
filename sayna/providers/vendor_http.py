"""HTTP calls of a vendor: at most one retry, the errors by their kinds, and a break while the vendor keeps failing."""

import json
import logging
import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from sayna import http
from sayna.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRejectedCredentials,
    ProviderRejectedRequest,
    ProviderTimeout,
)
from sayna.log import emit
from sayna.providers.base import TTSProvider
from sayna.providers.parsing import JsonObject, mapping, mappings
from sayna.providers.vendor_health import CircuitBreaker, RefusalNote
from sayna.state.files import Check

MAX_JSON_BYTES = 32 * 2**20
# The contract's list; at most one retry, because a failed synthesis may have been billed.
RETRIED = frozenset({429, 500, 502, 503, 504})
# After a longer pause the caller gets Retry-After instead: a sleeping thread serves no request.
MAX_PAUSE_SECONDS = 2.0
MAX_ERROR_BYTES = 2**16
KINDS: Mapping[int, type[ProviderError]] = {
    **dict.fromkeys((400, 404, 413, 415, 422), ProviderRejectedRequest),
    **dict.fromkeys((401, 402, 403), ProviderRejectedCredentials),
    429: ProviderRateLimited,
}
KEY_REFUSED = (
    "the server's key for {} was refused: it is wrong, lacks a permission or has no credit; "
    "the operator of this server must replace it"
)

logger = logging.getLogger("sayna.vendor")


class VendorHTTP(TTSProvider):
    """A vendor behind HTTP; adapters read its own errors.

    A call with a request's `own` credentials is neither counted nor noted: otherwise one caller's bad key could open
    the circuit for everyone. A timeout shorter than `min_timeout_seconds` was the caller's choice, so it is not a
    failure of the vendor.
    """

    min_timeout_seconds: float = 5.0

    def __init__(self, config: Any) -> None:
        self.base_url = config.base_url
        self.configured = config.configured
        self._breaker = CircuitBreaker()
        self._refusal = RefusalNote()

    @property
    def problem(self) -> str:
        """A sentence when the vendor has refused the server's own credentials lately, else an empty string."""
        return KEY_REFUSED.format(self.slug) if self._refusal.is_recent else ""

    def check(self) -> Check:
        """Return `failed` for a minute after the vendor has refused the key of this server."""
        return "failed" if self.problem else super().check()

    def read_error(self, status: int, body: JsonObject, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind of error that the body or the headers name, None where the status is enough."""
        return None

    def listed(self, answer: Any, name: str = "") -> list[Mapping[str, Any]]:
        """Return the objects in a list, or in one of a JSON object by its name; raises ProviderError without one."""
        found = mapping(answer).get(name) if name else answer
        # Otherwise an error in another shape would be an empty catalogue.
        if not isinstance(found, list):
            raise ProviderError(f"{self.slug} answered with something other than its voices")
        return mappings(found)

    def json(self, method: str, url: str, *, own: bool = False, **call: Any) -> Any:
        """Return the JSON of a response to fetch(); raises ProviderError when it is something else."""
        try:
            answer = json.loads(self.fetch(method, url, own=own, **call).read())
        except http.TransportError as error:
            raise self._failure(error, own=own) from error
        except (ValueError, RecursionError) as error:
            raise ProviderError(f"{self.slug} answered with something other than JSON") from error
        self._succeeded(own=own)
        return answer

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline: http.Deadline,
        connect_seconds: float | None = None,
        own: bool = False,
        max_bytes: int = MAX_JSON_BYTES,
        params: Mapping[str, str] | None = None,
        body: JsonObject | bytes | None = None,
        is_retried: bool = True,
    ) -> "http.StreamedResponse":
        """Return a response with status 200; at most one retry, and only where the first attempt was not billed.

        An object is sent as JSON. `own` credentials came with the request. Raises ProviderError and its kinds.
        """
        if not own and (seconds := self._breaker.retry_in()):
            raise ProviderError(f"{self.slug} keeps failing; try again soon", retry_after=math.ceil(seconds))
        headers, data = _encoded(headers, body)
        connect_seconds, last = min(connect_seconds or math.inf, deadline.remaining()), not is_retried
        while True:
            try:
                reply = http.send(
                    method, url, headers=headers, params=params, data=data, deadline=deadline,
                    connect_seconds=connect_seconds, max_bytes=max_bytes)  # fmt: skip
            except http.TransportError as error:
                failure, pause = self._failure(error, own=own, timeout=connect_seconds), 0.0
                # No retry after a timeout: the vendor may have made the speech, and billed it.
                if last or not isinstance(error, http.Unreachable):
                    raise failure from error
            else:
                if reply.status == 200:  # noqa: PLR2004
                    return reply
                refused, pause = self._refused(reply, own=own)
                if last or pause > deadline.remaining():
                    raise refused
            time.sleep(pause)
            last = True

    def refused_key(self, *, own: bool) -> ProviderError:
        """Return the error of refused credentials; the server's own ones are noted, and logged when it is news."""
        if own:
            reason = "they are wrong, lack a permission or have no credit"
            sentence = f"{self.slug} refused the credentials in this request: {reason}"
            return ProviderRejectedCredentials(sentence, from_request=True)
        sentence = KEY_REFUSED.format(self.slug)
        if self._refusal.note():
            emit(logger, logging.ERROR, "vendor_key_refused", provider=self.slug, problem=sentence)
        return ProviderRejectedCredentials(sentence, from_request=False)

    def _refused(self, reply: "http.StreamedResponse", *, own: bool) -> tuple[ProviderError, float]:
        """Return the error of a response other than 200, and the seconds to wait before a retry."""
        status = reply.status
        kind = self.read_error(status, _error_body(reply), reply.headers) or KINDS.get(status, ProviderError)
        emit(logger, logging.WARNING, "vendor_refused", provider=self.slug, status=status, code=kind.code)
        if not own and status >= 500:  # noqa: PLR2004
            self._breaker.failed()
        elif not own:
            self._breaker.succeeded()
        if kind is ProviderRejectedCredentials:
            return self.refused_key(own=own), math.inf
        after = _retry_after(reply.headers)
        return _error_for(self.slug, status, kind, after), _pause(status, kind, after)

    def _succeeded(self, *, own: bool) -> None:
        """Count a whole response."""
        if not own:
            self._breaker.succeeded()
            self._refusal.clear()

    def _failure(self, error: http.TransportError, *, own: bool, timeout: float = 0.0) -> ProviderError:
        """Return the error of a transport failure, and count it when it is the vendor's."""
        timed_out = isinstance(error, http.TimedOut)
        is_vendors = not isinstance(error, http.Cancelled) and (not timed_out or timeout >= self.min_timeout_seconds)
        if is_vendors and not own:
            self._breaker.failed()
        if timed_out:
            return ProviderTimeout(f"{self.slug} did not answer in time")
        return ProviderError(f"{self.slug} could not be asked: {error}")


def _encoded(headers: Mapping[str, str], body: JsonObject | bytes | None) -> tuple[Mapping[str, str], bytes | None]:
    """Return the headers and the bytes of a body, which may be an object to be sent as JSON."""
    if not isinstance(body, Mapping):
        return headers, body
    return {**headers, "Content-Type": "application/json"}, json.dumps(body, ensure_ascii=False).encode()


def _error_for(slug: str, status: int, kind: type[ProviderError], retry_after: float | None) -> ProviderError:
    """Return the error of one refusal, without the vendor's text."""
    # Within the contract's bounds, because a client's library may wait as long as the vendor says.
    after = None if retry_after is None else max(1, min(60, math.ceil(retry_after)))
    if kind is ProviderRateLimited:
        return ProviderRateLimited(f"{slug} asks for fewer requests", retry_after=after or 1)
    if kind is ProviderRejectedRequest:
        return ProviderRejectedRequest(f"{slug} refused this voice, model, language or text")
    return kind(f"{slug} failed with status {status}", retry_after=after)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, 0 or more; None when it is absent or cannot be read."""
    # Seconds or an HTTP date (RFC 9110, 10.2.3).
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, min(float(value), 1e9))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _pause(status: int, kind: type[ProviderError], after: float | None) -> float:
    """Return the seconds to wait before a retry; infinity when there should be none."""
    # Polly answers 400 when a client sends too many requests.
    if kind is not ProviderRateLimited and (status not in RETRIED or kind is not ProviderError):
        return math.inf
    if after is None:
        # Random, so that many callers do not retry at the same moment.
        return random.uniform(0.05, 0.25)  # noqa: S311
    return after if after <= MAX_PAUSE_SECONDS else math.inf


def _error_body(reply: "http.StreamedResponse") -> JsonObject:
    """Return the object in the first MAX_ERROR_BYTES of an error's body, empty when there is none."""
    body = b""
    try:
        for chunk in reply.chunks():
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
        return mapping(json.loads(body))
    except (http.TransportError, ValueError, RecursionError):
        return {}
    finally:
        reply.close()
