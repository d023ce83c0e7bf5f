"""The HTTP call of all cloud vendors: at most one retry, the errors, and a check of the audio."""

import itertools
import json
import logging
import math
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sayna import http
from sayna.audio import sniff
from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.errors import ProviderError, ProviderNotConfigured, ProviderRejectedCredentials, ProviderTimeout
from sayna.log import emit
from sayna.providers import vendor_errors
from sayna.providers.audio_response import Label, UnframedBody, spec_of
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider
from sayna.providers.circuit_breaker import CircuitBreaker
from sayna.providers.key_refusal import KeyRefusal
from sayna.providers.parsing import mapping, mappings
from sayna.state.files import Check

# The largest clip of the cache: 23 minutes of linear16 at 24 kHz, many times the audio that a vendor makes at once.
MAX_AUDIO_BYTES = 64 * 2**20
MAX_JSON_BYTES = 32 * 2**20

logger = logging.getLogger("sayna.vendor")


class CloudProvider(TTSProvider):
    """A vendor behind HTTP with a key; adapters build the request and read the vendor's own errors.

    A timeout shorter than `min_timeout_seconds` was the caller's choice, so it is not a failure of the vendor.
    """

    min_timeout_seconds: float = 5.0
    # Media types that this vendor puts before any audio, so they say nothing about it.
    careless_labels: ClassVar[frozenset[str]] = frozenset()
    # Whether the vendor chooses the sample rate.
    is_rate_open: ClassVar[bool] = False

    def __init__(self, *, base_url: str, api_key: Secret | None) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._breaker = CircuitBreaker()
        self._refusal = KeyRefusal()

    @property
    def configured(self) -> bool:
        """Whether this server holds a key."""
        return self._api_key is not None

    @property
    def problem(self) -> str:
        """A sentence when the vendor has refused the server's own credentials lately, else an empty string."""
        return vendor_errors.key_refused(self.slug) if self._refusal.is_recent else ""

    def check(self) -> Check:
        """Return `failed` for a minute after the vendor has refused the key of this server."""
        if not self.configured:
            return "off"
        return "failed" if self.problem else "ok"

    @abstractmethod
    def native(self, target: AudioSpec) -> AudioSpec:
        """Return the form in which the vendor is asked for a sound that is wanted as `target` first.

        It is lossless where the vendor sells that, and otherwise its best; every other format is made of it.
        """

    def read_error(self, status: int, body: bytes, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind of error that the body or the headers name, None where the status is enough."""
        return None

    def key(self, credentials: Mapping[str, Any] | None) -> str:
        """Return the request's own key, else the server's; raises ProviderNotConfigured."""
        if credentials:
            return str(credentials["api_key"])
        if self._api_key is None:
            raise ProviderNotConfigured(f"{self.slug} is not configured on this server; set its API key")
        return self._api_key.reveal()

    def audio(
        self,
        request: SpeechRequest,
        url: str,
        spec: AudioSpec,
        *,
        headers: Mapping[str, str],
        body: bytes,
        params: Mapping[str, str] | None = None,
    ) -> AudioStream:
        """Return the vendor's audio after its first bytes, which decide its format.

        `spec` is what was asked for; where the vendor sent another format or rate, the spec of the result says so.
        Raises ProviderError when the response is no audio.
        """
        own = request.credentials is not None
        reply = self.fetch(
            "POST", url, headers=headers, params=params, body=body, own=own, deadline=request.deadline,
            connect_seconds=request.connect_seconds, max_bytes=MAX_AUDIO_BYTES, is_retried=request.is_retried,
        )  # fmt: skip
        label = Label.of(reply.headers.get("content-type", ""))
        chunks, found, head = self._chunks(reply, request), None, b""
        if label.is_audio:
            head = sniff.head_of(chunks)
            label = label.without_name() if label.name in self.careless_labels else label
            found = spec_of(head, spec, label, is_rate_open=self.is_rate_open)
        # Some error pages have the status 200.
        if found is None:
            reply.close()
            emit(logger, logging.WARNING, "vendor_sent_no_audio", provider=self.slug, found=sniff.kind(head))
            raise ProviderError(f"{self.slug} answered with something other than the audio asked for")
        chunks = itertools.chain((head,), chunks)
        if not reply.is_framed:
            chunks = self._whole(chunks, request, found)
        return AudioStream(found, chunks, reply.close)

    def json(self, method: str, url: str, *, own: bool = False, **call: Any) -> Any:
        """Return the JSON of a response to fetch(); raises ProviderError when it is something else."""
        try:
            answer = json.loads(self.fetch(method, url, own=own, **call).read())
        except http.TransportError as error:
            raise self._failure(error, self._breaker_for(own=own)) from error
        except (ValueError, RecursionError) as error:
            raise ProviderError(f"{self.slug} answered with something other than JSON") from error
        self._succeeded(own=own)
        return answer

    def listed(self, answer: Any, name: str) -> list[Mapping[str, Any]]:
        """Return the objects in one list of a JSON object; raises ProviderError without such a list."""
        found = mapping(answer).get(name)
        # Otherwise an error in another shape would be an empty catalogue.
        if not isinstance(found, list):
            raise ProviderError(f"{self.slug} answered with something other than its voices")
        return mappings(found)

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
        body: bytes | None = None,
        is_retried: bool = True,
    ) -> "http.StreamedResponse":
        """Return a response with status 200; at most one retry, and only where the first attempt was not billed.

        `own` credentials came with the request. Raises ProviderError and its kinds.
        """
        breaker = self._breaker_for(own=own)
        if seconds := breaker.retry_in():
            raise ProviderError(f"{self.slug} keeps failing; try again soon", retry_after=math.ceil(seconds))
        connect_seconds, last = min(connect_seconds or math.inf, deadline.remaining()), not is_retried
        while True:
            try:
                reply = http.send(
                    method, url, headers=headers, params=params, data=body, deadline=deadline,
                    connect_seconds=connect_seconds, max_bytes=max_bytes)  # fmt: skip
            except http.TransportError as error:
                failure, pause = self._failure(error, breaker, connect_seconds), 0.0
                # No retry after a timeout: the vendor may have made the speech, and billed it.
                if last or not isinstance(error, http.Unreachable):
                    raise failure from error
            else:
                if reply.status == 200:  # noqa: PLR2004
                    return reply
                refused, pause = self._refused(reply, breaker, own=own)
                if last or pause > deadline.remaining():
                    raise refused
            time.sleep(pause)
            last = True

    def refused_key(self, *, own: bool) -> ProviderError:
        """Return the error of refused credentials; the server's own ones are noted, and logged when it is news."""
        if not own and self._refusal.note():
            emit(logger, logging.ERROR, "vendor_key_refused", provider=self.slug, problem=self.problem)
        return vendor_errors.error_for(self.slug, 401, ProviderRejectedCredentials, None, own=own)

    def _refused(
        self, reply: "http.StreamedResponse", breaker: CircuitBreaker, *, own: bool
    ) -> tuple[ProviderError, float]:
        """Return the error of a response other than 200, and the seconds to wait before a retry."""
        named = self.read_error(reply.status, vendor_errors.beginning(reply), reply.headers)
        kind = named or vendor_errors.KINDS.get(reply.status, ProviderError)
        emit(logger, logging.WARNING, "vendor_refused", provider=self.slug, status=reply.status, code=kind.code)
        if reply.status >= 500:  # noqa: PLR2004
            breaker.failed()
        else:
            breaker.succeeded()
        after = vendor_errors.retry_after(reply.headers)
        if kind is ProviderRejectedCredentials:
            return self.refused_key(own=own), math.inf
        error = vendor_errors.error_for(self.slug, reply.status, kind, after, own=own)
        return error, vendor_errors.pause(reply.status, kind, after)

    def _chunks(self, reply: "http.StreamedResponse", request: SpeechRequest) -> Iterator[bytes]:
        breaker = self._breaker_for(own=request.credentials is not None)
        try:
            yield from reply.chunks()
        except http.TransportError as error:
            raise self._failure(error, breaker) from error
        finally:
            reply.close()
        self._succeeded(own=request.credentials is not None)

    def _whole(self, chunks: Iterator[bytes], request: SpeechRequest, spec: AudioSpec) -> Iterator[bytes]:
        """Pass a body without a length on; raises ProviderError at its end when it is not whole."""
        body = UnframedBody()
        for chunk in chunks:
            body.add(chunk)
            yield chunk
        if not body.is_whole(spec, request.text, request.speaking_rate):
            raise ProviderError(f"{self.slug} sent less audio than the text needs")

    def _succeeded(self, *, own: bool) -> None:
        """Count a whole response; a request's own key says nothing about the server's."""
        self._breaker_for(own=own).succeeded()
        if not own:
            self._refusal.clear()

    def _failure(self, error: http.TransportError, breaker: CircuitBreaker, timeout: float = 0.0) -> ProviderError:
        """Return the error of a transport failure, and count it when it is the vendor's."""
        timed_out = isinstance(error, http.TimedOut)
        if not isinstance(error, http.Cancelled) and (not timed_out or timeout >= self.min_timeout_seconds):
            breaker.failed()
        if timed_out:
            return ProviderTimeout(f"{self.slug} did not answer in time")
        return ProviderError(f"{self.slug} could not be asked: {error}")

    def _breaker_for(self, *, own: bool) -> CircuitBreaker:
        """Return the circuit breaker of a call."""
        # Requests with their own credentials use a temporary breaker: otherwise one caller's bad key could open
        # the circuit for everyone.
        return CircuitBreaker() if own else self._breaker


def samples(target: AudioSpec, offered: tuple[int, ...], *, own_rate: int) -> AudioSpec:
    """Return linear16 at a vendor's own rate in Hz; a higher one that it offers, where `target` has a higher rate."""
    rate = max(own_rate, target.sample_rate)
    return AudioSpec("linear16", min((each for each in offered if each >= rate), default=max(offered)))
