"""The call that all cloud vendors share: one retry, one reading of errors, one check of what came."""

import json
import logging
import random
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from sayna import http
from sayna.errors import (
    ProviderError,
    ProviderNotConfigured,
    ProviderRateLimited,
    ProviderRejectedCredentials,
    ProviderRejectedRequest,
    ProviderTimeout,
)
from sayna.log import emit
from sayna.tts.base import AudioSpec, AudioStream, SpeechRequest, TTSProvider

RETRIED = frozenset({429, 500, 502, 503, 504})
MAX_AUDIO_BYTES = 64 * 2**20
MAX_JSON_BYTES = 32 * 2**20
MAX_PAUSE_SECONDS = 2.0
MIN_MS_PER_CHARACTER = 10
CONTENT_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "opus",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}

logger = logging.getLogger("sayna.vendor")


class CloudProvider(TTSProvider):
    """A vendor behind HTTP with a key; adapters build the request and read the vendor's own errors."""

    def __init__(self, *, base_url: str, api_key: str | None) -> None:
        self.base_url = base_url
        self._api_key = api_key

    @property
    def configured(self) -> bool:
        """Whether this server holds a key."""
        return self._api_key is not None

    @abstractmethod
    def native(self, target: AudioSpec) -> AudioSpec:
        """Return what the vendor is asked for when the caller wants `target`."""

    def key(self, credentials: Mapping[str, Any] | None) -> str:
        """Return the request's own key, else the server's; raises ProviderNotConfigured."""
        key = (credentials or {}).get("api_key") or self._api_key
        if not key:
            raise ProviderNotConfigured(f"{self.slug} is not configured on this server; set its API key")
        return str(key)

    def read_error(self, status: int, body: bytes) -> type[ProviderError] | None:
        """Return the kind of a non-200 answer where the body knows better than the status."""
        return None

    def audio(self, request: SpeechRequest, url: str, spec: AudioSpec, **call: Any) -> AudioStream:
        """Return the vendor's audio once its head has come and looks like audio."""
        reply = self.fetch(
            "POST", url, deadline=request.deadline, connect_seconds=request.connect_seconds,
            own=request.credentials is not None, max_bytes=MAX_AUDIO_BYTES, **call,
        )  # fmt: skip
        content_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_audio = content_type.startswith("audio/") or content_type in ("", "application/octet-stream")
        if not is_audio or CONTENT_FORMATS.get(content_type, spec.audio_format) != spec.audio_format:
            reply.close()
            raise ProviderError(f"{self.slug} answered with something other than the audio asked for")
        return AudioStream(spec, self._pieces(reply, request, spec), reply.close)

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
    ) -> http.Reply:
        """Return a 200 answer's head; a failed attempt is tried once more where that costs nothing.

        Raises ProviderError and its kinds; `own` says that the credentials came with the request.
        """
        for last in (False, True):
            try:
                reply = http.send(
                    method, url, headers=headers, params=params, data=body, deadline=deadline,
                    connect_seconds=connect_seconds, max_bytes=max_bytes,
                )  # fmt: skip
            except http.Unreachable as error:
                if not last:
                    continue
                raise ProviderError(f"{self.slug} could not be reached") from error
            except http.TransportError as error:
                raise self._failure(error) from error
            if reply.status == 200:  # noqa: PLR2004
                return reply
            pause = _pause(reply)
            if last or reply.status not in RETRIED or pause > min(MAX_PAUSE_SECONDS, deadline.remaining()):
                raise self._refusal(reply, own=own)
            reply.close()
            time.sleep(pause)
        raise AssertionError("unreachable: the second attempt returns or raises")

    def json(self, url: str, **call: Any) -> Any:
        """Return a vendor's JSON answer; raises ProviderError when it is not JSON."""
        try:
            return json.loads(self.fetch("GET", url, **call).read())
        except http.TransportError as error:
            raise self._failure(error) from error
        except ValueError as error:
            raise ProviderError(f"{self.slug} answered with something other than JSON") from error

    def _pieces(self, reply: http.Reply, request: SpeechRequest, spec: AudioSpec) -> Iterator[bytes]:
        total = 0
        try:
            for piece in reply.chunks():
                total += len(piece)
                yield piece
        except http.TransportError as error:
            raise self._failure(error) from error
        finally:
            reply.close()
        if not reply.framed and not _long_enough(total, request, spec):
            raise ProviderError(f"{self.slug} sent less audio than the text needs")

    def _failure(self, error: http.TransportError) -> ProviderError:
        if isinstance(error, http.TimedOut):
            return ProviderTimeout(f"{self.slug} did not answer in time")
        return ProviderError(f"{self.slug} answered badly: {error}")

    def _refusal(self, reply: http.Reply, *, own: bool) -> ProviderError:
        try:
            body = b"".join(_first(reply.chunks(), 65536))
        except http.TransportError:
            body = b""
        finally:
            reply.close()
        kind = self.read_error(reply.status, body) or _kind(reply.status)
        emit(logger, logging.WARNING, "vendor_refused", provider=self.slug, status=reply.status, kind=kind.code)
        if kind is ProviderRejectedCredentials:
            whose = "the credentials in this request" if own else "this server's credentials"
            return ProviderRejectedCredentials(f"{self.slug} refused {whose}", from_request=own)
        if kind is ProviderRateLimited:
            return ProviderRateLimited(
                f"{self.slug} asks for fewer requests", retry_after=_retry_after(reply) or 1
            )
        if kind is ProviderRejectedRequest:
            return ProviderRejectedRequest(f"{self.slug} refused this voice, model, language or text")
        return kind(f"{self.slug} failed with status {reply.status}")


def nearest_rate(rate: int, offered: tuple[int, ...]) -> int:
    """Return `rate` in Hz if it is offered, else the next higher offered one, else the highest."""
    return min((r for r in offered if r >= rate), default=max(offered))


def _kind(status: int) -> type[ProviderError]:
    if status in (401, 402, 403):
        return ProviderRejectedCredentials
    if status in (400, 404, 413, 415, 422):
        return ProviderRejectedRequest
    return ProviderRateLimited if status == 429 else ProviderError  # noqa: PLR2004


def _retry_after(reply: http.Reply) -> int | None:
    """Return Retry-After clamped to 1..60 seconds, from either of its two forms."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return max(1, min(60, int(value[:9])))
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(1, min(60, round(seconds)))


def _pause(reply: http.Reply) -> float:
    asked = _retry_after(reply)
    return float(asked) if asked is not None else random.uniform(0.05, 0.25)  # noqa: S311


def _long_enough(total: int, request: SpeechRequest, spec: AudioSpec) -> bool:
    """Judge raw audio whose end HTTP cannot vouch for by the time its text takes to say."""
    if spec.audio_format not in ("linear16", "mulaw", "alaw"):
        return True
    width = 2 if spec.audio_format == "linear16" else 1
    spoken = sum(character.isalnum() for character in request.text)
    return total / width / spec.sample_rate * 1000 * request.speaking_rate >= MIN_MS_PER_CHARACTER * spoken


def _first(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        limit -= len(piece)
        if limit <= 0:
            return
