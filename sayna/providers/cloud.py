"""The call that all cloud vendors share: one retry, one reading of errors, one check of what came."""

import json
import logging
import math
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from sayna import http
from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.errors import ProviderError, ProviderNotConfigured, ProviderTimeout
from sayna.log import emit
from sayna.providers import content_type as media
from sayna.providers import vendor_errors as refusal
from sayna.providers.base import AudioStream, SpeechRequest, TTSProvider
from sayna.providers.circuit_breaker import CircuitBreaker

# As much as the cache takes of one clip: 23 minutes of linear16 at 24 kHz, many times what a
# vendor takes at once.
MAX_AUDIO_BYTES = 64 * 2**20
MAX_JSON_BYTES = 32 * 2**20
MAX_ERROR_BYTES = 2**16

logger = logging.getLogger("sayna.vendor")


class CloudProvider(TTSProvider):
    """A vendor behind HTTP with a key; adapters build the request and read the vendor's own errors.

    A time-out after less than `patience_seconds` is the caller's impatience and says nothing of the vendor.
    """

    patience_seconds: float = 5.0

    def __init__(self, *, base_url: str, api_key: Secret | None) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._breaker = CircuitBreaker()

    @property
    def configured(self) -> bool:
        """Whether this server holds a key."""
        return self._api_key is not None

    @abstractmethod
    def native(self, target: AudioSpec) -> AudioSpec:
        """Return what the vendor is asked for when the caller wants `target`."""

    def read_error(self, status: int, body: bytes, headers: Mapping[str, str]) -> type[ProviderError] | None:
        """Return the kind of a refusal where its body or its headers know better than its status."""
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
        """Return the vendor's audio once its head has come and may be the audio asked for."""
        own = request.credentials is not None
        reply = self.fetch(
            "POST", url, headers=headers, params=params, body=body, own=own, deadline=request.deadline,
            connect_seconds=request.connect_seconds, max_bytes=MAX_AUDIO_BYTES,
        )  # fmt: skip
        # Error pages come with 200 as well; cached, one would be heard for a month.
        if not media.can_be(reply.headers.get("content-type", ""), spec):
            reply.close()
            raise ProviderError(f"{self.slug} answered with something other than the audio asked for")
        return AudioStream(spec, self._pieces(reply, request, spec), reply.close)

    def json(self, method: str, url: str, *, own: bool = False, **call: Any) -> Any:
        """Return a JSON answer, asked for as in fetch(); raises ProviderError when it is something else."""
        try:
            answer = json.loads(self.fetch(method, url, own=own, **call).read())
        except http.TransportError as error:
            raise self._failure(error, self._health(own)) from error
        except (ValueError, RecursionError) as error:
            raise ProviderError(f"{self.slug} answered with something other than JSON") from error
        self._health(own).succeeded()
        return answer

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline: http.Deadline,
        connect_seconds: float,
        own: bool = False,
        max_bytes: int = MAX_JSON_BYTES,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> "http.StreamedResponse":
        """Return the head of a 200, at the second attempt where the first cannot have cost anything.

        Raises ProviderError and its kinds; `own`: the credentials came with the request.
        """
        health = self._health(own)
        if seconds := health.wait():
            raise ProviderError(f"{self.slug} keeps failing; try again soon", retry_after=math.ceil(seconds))
        patience, last = min(connect_seconds, deadline.remaining()), False
        while True:
            try:
                reply = http.send(
                    method, url, headers=headers, params=params, data=body, deadline=deadline,
                    connect_seconds=connect_seconds, max_bytes=max_bytes,
                )  # fmt: skip
            except http.TransportError as error:
                failure, pause = self._failure(error, health, patience), 0.0
                # What timed out may have been rendered, and billed: it is not asked for again.
                if last or not isinstance(error, http.Unreachable):
                    raise failure from error
            else:
                if reply.status == 200:  # noqa: PLR2004
                    return reply
                refused, pause = self._refused(reply, health, own=own)
                if last or pause > deadline.remaining():
                    raise refused
            time.sleep(pause)
            last = True

    def _refused(
        self, reply: "http.StreamedResponse", health: CircuitBreaker, *, own: bool
    ) -> tuple[ProviderError, float]:
        """Return the error of a refusal, and the seconds after which to ask once more."""
        told = self.read_error(reply.status, _beginning(reply), reply.headers)
        kind = told or refusal.KINDS.get(reply.status, ProviderError)
        emit(logger, logging.WARNING, "vendor_refused", provider=self.slug, status=reply.status, code=kind.code)
        if reply.status >= 500:  # noqa: PLR2004
            health.failed()
        else:
            health.succeeded()
        after = refusal.retry_after(reply.headers)
        error = refusal.error_for(self.slug, reply.status, kind, after, own=own)
        return error, refusal.pause(reply.status, kind, after)

    def _pieces(self, reply: "http.StreamedResponse", request: SpeechRequest, spec: AudioSpec) -> Iterator[bytes]:
        health = self._health(own=request.credentials is not None)
        total = 0
        try:
            for piece in reply.chunks():
                total += len(piece)
                yield piece
        except http.TransportError as error:
            raise self._failure(error, health) from error
        finally:
            reply.close()
        health.succeeded()
        # A body that ends with its connection may have been cut off, and HTTP cannot tell.
        if not reply.is_framed and not media.long_enough(total, spec, request.text, request.speaking_rate):
            raise ProviderError(f"{self.slug} sent less audio than the text needs")

    def _failure(self, error: http.TransportError, health: CircuitBreaker, patience: float = 0.0) -> ProviderError:
        """Return what a transport error means to a caller, and count it when it is the vendor's."""
        timed_out = isinstance(error, http.TimedOut)
        if not isinstance(error, http.Cancelled) and (not timed_out or patience >= self.patience_seconds):
            health.failed()
        if timed_out:
            return ProviderTimeout(f"{self.slug} did not answer in time")
        return ProviderError(f"{self.slug} could not be asked: {error}")

    def _health(self, own: bool) -> CircuitBreaker:
        """Return what counts the failures: those of somebody else's account are nobody's business."""
        # A breaker that is thrown away: with a bad key of one's own, a vendor could
        # be silenced for everybody.
        return CircuitBreaker() if own else self._breaker


def nearest_rate(rate: int, offered: tuple[int, ...]) -> int:
    """Return `rate` in Hz if it is offered, else the next higher offered one, else the highest."""
    return min((r for r in offered if r >= rate), default=max(offered))


def _beginning(reply: "http.StreamedResponse") -> bytes:
    """Return as much of an error's body as tells its kind."""
    body = b""
    try:
        for piece in reply.chunks():
            body += piece
            if len(body) >= MAX_ERROR_BYTES:
                break
    except http.TransportError:
        return b""
    finally:
        reply.close()
    return body
