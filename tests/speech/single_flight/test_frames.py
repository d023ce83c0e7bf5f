"""Frames survive any cut, and errors keep their class across processes."""

import logging
from pathlib import Path

import pytest

from sayna.errors import InvalidRequest, ProviderError, SaynaError
from sayna.log import RateLimitedLogger
from sayna.speech.single_flight.frames import BEGIN, DATA, END, ERROR, FrameReader, dump_error, frame, load_error
from sayna.speech.single_flight.part_file import PartFile
from sayna.speech.single_flight.producer import PartFileWriter
from sayna.speech.single_flight.stream import SharedStream


@pytest.mark.parametrize("size", [1, 3, 5, 1000])
def test_frames_survive_any_cut(size: int) -> None:
    data = frame(ERROR, b'{"a":1}') + frame(DATA, b"x" * 300) + frame(END)
    reader = FrameReader()
    found = [item for start in range(0, len(data), size) for item in reader.feed(data[start : start + size])]
    assert found == [(ERROR, b'{"a":1}'), (DATA, b"x" * 300), (END, b"")]


def all_kinds(kind: type[SaynaError]) -> list[type[SaynaError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in all_kinds(below))]


@pytest.mark.parametrize("kind", [*all_kinds(ProviderError), *all_kinds(InvalidRequest)])
def test_error_keeps_its_class_status_and_code(kind: type[SaynaError]) -> None:
    error = kind("Sorry.")
    error.retry_after = 3
    loaded = load_error(dump_error(error))
    assert type(loaded) is kind
    assert (loaded.status, loaded.code, loaded.message, loaded.retry_after, str(loaded)) == (
        error.status,
        error.code,
        "Sorry.",
        3,
        "Sorry.",
    )


def test_unknown_error_class_becomes_a_provider_error() -> None:
    class Elsewhere(ProviderError):
        """A class of another version of Sayna."""

    payload = dump_error(Elsewhere("Sorry.")).replace(b"Elsewhere", b"Nowhere")
    assert type(load_error(payload)) is ProviderError


class Racing(list[bytes]):
    """Chunks to which another thread appends the first one just after a look has found none."""

    def __bool__(self) -> bool:
        if len(self):
            return True
        self.append(b"one")
        return False


def test_part_file_never_has_audio_before_its_beginning(tmp_path: Path) -> None:
    writer = PartFileWriter(RateLimitedLogger(logging.getLogger(__name__)), lambda: False)
    writer.part, follower = PartFile.open(tmp_path / "key.part"), PartFile.open(tmp_path / "key.part")
    assert follower is not None
    stream = SharedStream(lambda: None)
    stream.chunks = Racing()
    for _ in range(2):
        assert writer.update(stream)
    assert [kind for kind, _ in FrameReader().feed(follower.read())] == [BEGIN, DATA]
    follower.close()
    writer.close()
