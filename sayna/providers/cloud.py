"""The interface of every cloud vendor: the form of its audio, its key, and a check that its audio is whole."""

import itertools
import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from sayna import http
from sayna.audio import containers, mpeg
from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.errors import ProviderError, ProviderNotConfigured, ProviderRejectedCredentials, ProviderRejectedRequest
from sayna.log import emit
from sayna.providers.audio_response import MAX_AUDIO_BYTES, Label, spec_of, whole_body, whole_frames
from sayna.providers.base import AudioStream, SpeechRequest
from sayna.providers.parsing import JsonObject
from sayna.providers.vendor_health import RefusalNote
from sayna.providers.vendor_http import VendorHTTP, logger

# A vendor that has refused a high rate is asked for one again after this time, because the plan of a key may change.
RATE_REFUSED_SECONDS = 3600.0


class CloudProvider(VendorHTTP):
    """A vendor behind HTTP with a key; adapters build the request."""

    # Media types that this vendor puts before any audio, so they say nothing about it.
    careless_labels: ClassVar[frozenset[str]] = frozenset()
    # The header with the key.
    key_header: ClassVar[tuple[str, str]] = ("Authorization", "Bearer {}")
    # Whether the vendor chooses the sample rate.
    is_rate_open: ClassVar[bool] = False
    # What the vendor is asked for: lossless where it sells that, otherwise its best. Every other format is made of it.
    audio_format: str = "linear16"
    # In Hz: its own rate, then the higher ones that it offers, for requests that want them.
    sample_rates: ClassVar[tuple[int, ...]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        # An account of Google or AWS is more than a key.
        self._api_key: Secret | None = getattr(config, "api_key", None)
        self._rate_refusal = RefusalNote(RATE_REFUSED_SECONDS)

    def native(self, target: AudioSpec) -> AudioSpec:
        """Return the form in which the vendor is asked for a sound that is wanted as `target` first."""
        high_enough = (rate for rate in self.sample_rates if rate >= target.sample_rate)
        return AudioSpec(self.audio_format, next(high_enough, self.sample_rates[-1]))

    @abstractmethod
    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio of one text as it is made, asked for as `request.target`; raises as synthesize() does."""

    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made; where the vendor refuses a rate above its own, at its own rate.

        Otherwise callers of lower rates, who share the synthesis, would get the refusal of the higher one.
        """
        spec, own = self.native(request.target), request.has_credentials
        usual = replace(request, target=AudioSpec(self.audio_format, self.sample_rates[0]))
        if spec == usual.target or (not own and self._rate_refusal.is_recent):
            return self.render(usual)
        try:
            return self.render(replace(request, target=spec))
        except (ProviderRejectedCredentials, ProviderRejectedRequest):
            stream = self.render(usual)
        if not own:
            self._rate_refusal.note()
            # The same key was accepted: only the rate was refused, also when the client leaves before the end.
            self._refusal.clear()
        return stream

    def key_headers(self, credentials: Mapping[str, Any] | None) -> dict[str, str]:
        """Return the header with the request's own key, else the server's; raises ProviderNotConfigured."""
        key = credentials["api_key"] if credentials else self._api_key and self._api_key.reveal()
        if not key:
            raise ProviderNotConfigured(f"{self.slug} is not configured on this server; set its API key")
        name, value = self.key_header
        return {name: value.format(key)}

    def audio(
        self,
        request: SpeechRequest,
        url: str,
        *,
        headers: Mapping[str, str],
        body: JsonObject | bytes,
        params: Mapping[str, str] | None = None,
    ) -> AudioStream:
        """Return the vendor's audio after its first bytes, which decide its format.

        Where it is not `request.target` that the vendor sent, the spec of the result says so. Raises ProviderError
        when the response is no audio.
        """
        reply = self.fetch(
            "POST", url, headers=headers, params=params, body=body, own=request.has_credentials,
            deadline=request.deadline, connect_seconds=request.connect_seconds, max_bytes=MAX_AUDIO_BYTES,
            is_retried=request.is_retried,
        )  # fmt: skip
        label = Label.of(reply.headers.get("content-type", ""))
        chunks, found, head = self._chunks(reply, request), None, b""
        if label.is_audio:
            head = containers.head_of(chunks)
            label = replace(label, name="") if label.name in self.careless_labels else label
            found = spec_of(head, request.target, label, is_rate_open=self.is_rate_open)
        # Some error pages have the status 200.
        if found is None:
            reply.close()
            emit(logger, logging.WARNING, "vendor_sent_no_audio", provider=self.slug, found=containers.kind(head))
            raise ProviderError(f"{self.slug} answered with something other than the audio asked for")
        if self.is_rate_open and found.audio_format == "mp3":
            size = reply.headers.get("content-length", "")
            head = mpeg.without_length(head, int(size)) if size.isdecimal() else mpeg.without_length(head)
        chunks = itertools.chain((head,), chunks)
        if not reply.is_framed:
            chunks = whole_body(chunks, found, request, self.slug)
        elif found.audio_format == "mp3":
            chunks = whole_frames(chunks)
        return AudioStream(found, chunks, reply.close)

    def _chunks(self, reply: "http.StreamedResponse", request: SpeechRequest) -> Iterator[bytes]:
        try:
            yield from reply.chunks()
        except http.TransportError as error:
            raise self._failure(error, own=request.has_credentials) from error
        finally:
            reply.close()
        self._succeeded(own=request.has_credentials)
