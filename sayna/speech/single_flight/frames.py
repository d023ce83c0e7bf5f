"""The frames that a leader writes for followers in other processes: kind (1 byte), length (4), payload."""

import json
import struct
from collections.abc import Iterator
from dataclasses import astuple

from sayna.audio.spec import AudioSpec
from sayna.errors import ProviderError, SaynaError

BEGIN, DATA, WHOLE, END, ERROR = b"B", b"D", b"W", b"E", b"X"

_HEAD = struct.Struct(">cI")


class StreamAborted(ProviderError):
    """The synthesizing process is gone after a subscriber received audio; another synthesis cannot continue it."""


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """Return one frame."""
    return _HEAD.pack(kind, len(payload)) + payload


class FrameReader:
    """Cuts a file into frames, wherever the reads begin and end."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield kind and payload of every frame that is complete now."""
        self._rest += data
        start = 0
        while len(self._rest) - start >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest, start)
            end = start + _HEAD.size + length
            if end > len(self._rest):
                break
            yield kind, self._rest[start + _HEAD.size : end]
            start = end
        self._rest = self._rest[start:]


def dump_begin(created: float, is_cached: bool, spec: AudioSpec) -> bytes:
    """Return when the audio was made, in epoch seconds, whether it was stored before, and what it is, as JSON."""
    return json.dumps([created, is_cached, astuple(spec)]).encode()


def load_begin(payload: bytes) -> tuple[float, bool, AudioSpec]:
    """Return what was dumped."""
    created, is_cached, spec = json.loads(payload)
    return float(created), bool(is_cached), AudioSpec(*spec)


def dump_error(error: BaseException) -> bytes:
    """Return an error as JSON for followers; an error outside the SaynaError tree becomes a ProviderError."""
    known = error if isinstance(error, SaynaError) else ProviderError("the speech provider failed unexpectedly")
    fields = {name: getattr(known, name) for name in ("status", "code", "message", "retry_after")}
    return json.dumps({"class": type(known).__name__, **fields}).encode()


def load_error(payload: bytes) -> SaynaError:
    """Return a new error of the class that was dumped, or a ProviderError when the class is unknown."""
    fields = json.loads(payload)
    # Classes are found by name in the SaynaError tree, because a file must never be unpickled.
    kind = _kinds(SaynaError).get(fields["class"], ProviderError)
    error = kind.__new__(kind)
    SaynaError.__init__(error, fields["message"], retry_after=fields["retry_after"])
    error.status, error.code = fields["status"], fields["code"]
    return error


def _kinds(kind: type[SaynaError]) -> dict[str, type[SaynaError]]:
    """Return the class and all classes below it by name."""
    found = {kind.__name__: kind}
    for below in kind.__subclasses__():
        found |= _kinds(below)
    return found
