"""Frames survive any cut, and errors keep their class across processes."""

import pytest

from sayna.errors import InvalidRequest, ProviderError, SaynaError
from sayna.speech.single_flight.frames import DATA, END, ERROR, FrameReader, dump_error, frame, load_error


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
