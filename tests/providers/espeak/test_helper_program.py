"""The helper's program, run here in a thread: its frames, without the process around them."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import espeakng_loader
import pytest

from sayna.providers.espeak import helper_program
from tests.providers.espeak.processes import ends

FILES = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
SETTINGS = helper_program.SETTINGS.pack(175, 100, 50, 50, 0)


@pytest.fixture
def wire() -> Iterator[int]:
    """Our end of the socket; the program must end when it is closed."""
    ours, theirs = socket.socketpair()
    program = threading.Thread(target=helper_program.serve, args=(*FILES, theirs.fileno()))
    program.start()
    yield ours.fileno()
    ours.close()
    program.join(timeout=10)
    theirs.close()
    assert not program.is_alive()


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    return helper_program.HEADER.pack(len(payload), kind) + payload


def answer(wire: int) -> list[tuple[bytes, bytes]]:
    frames = [helper_program.receive(wire)]
    while frames[-1][0] in (helper_program.AUDIO, helper_program.TABLE):
        frames.append(helper_program.receive(wire))
    return frames


def test_audio_comes_in_frames_of_at_most_a_second(wire: int) -> None:
    helper_program.send(
        wire, helper_program.SAY, SETTINGS + b"gmw/en-US\0One two three four five six seven eight nine ten."
    )
    *audio, end = answer(wire)

    assert end == (helper_program.END, b"")
    assert len(audio) > 2
    assert max(len(payload) for _, payload in audio) <= 2 * 1.1 * helper_program.SAMPLE_RATE
    assert all(len(payload) % 2 == 0 for _, payload in audio)


def test_the_table_holds_voices_and_variants(wire: int) -> None:
    helper_program.send(wire, helper_program.VOICES)
    (kind, table), end = answer(wire)

    assert (kind, end) == (helper_program.TABLE, (helper_program.END, b""))
    assert b"sit/cmn\tChinese (Mandarin, latin as English)\t5:cmn 5:zh-cmn 5:zh" in table.splitlines()
    assert b"klatt4" in table.splitlines()


def test_an_unknown_voice_is_told_and_forgotten(wire: int) -> None:
    for voice, kind in [
        (b"nosuch", helper_program.NO_VOICE),
        (b"nosuch", helper_program.NO_VOICE),
        (b"gmw/de", helper_program.END),
    ]:
        helper_program.send(wire, helper_program.SAY, SETTINGS + voice + b"\0Hallo")
        assert answer(wire)[-1][0] == kind


def test_stop_ends_the_running_text_and_is_harmless_afterwards(wire: int) -> None:
    text = SETTINGS + b"gmw/en-US\0" + b"Hello there. " * 300
    # Both in one write: the program finds STOP as soon as it looks, however late this thread runs again.
    os.write(wire, frame(helper_program.SAY, text) + frame(helper_program.STOP))
    stopped = answer(wire)
    helper_program.send(wire, helper_program.STOP)
    helper_program.send(wire, helper_program.SAY, SETTINGS + b"gmw/en-US\0Hello")

    assert stopped[-1][0] == helper_program.END
    assert len(stopped) < 5
    assert len(answer(wire)) > 1


def test_speech_beyond_the_limit_is_an_error_not_a_shorter_clip(wire: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_program, "MAX_SAMPLES", 3 * helper_program.SAMPLE_RATE)
    helper_program.send(wire, helper_program.SAY, SETTINGS + b"gmw/en-US\0" + b"Hello there. " * 10)

    assert answer(wire)[-1][0] == helper_program.TOO_LONG


def test_the_program_ends_when_its_listener_leaves_in_the_middle(wire: int) -> None:
    helper_program.send(wire, helper_program.SAY, SETTINGS + b"gmw/en-US\0" + b"Hello there. " * 300)
    assert helper_program.receive(wire)[0] == helper_program.AUDIO


def test_an_unusable_library_is_told() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        helper_program.serve("/nonexistent.so", FILES[1], theirs.fileno())
        assert helper_program.receive(ours.fileno()) == (helper_program.FAILED, b"")


def test_the_program_ends_at_once_with_its_parent_even_while_it_reads_nothing() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        watch = f"import sys; sys.path[:0] = [{str(Path.cwd())!r}]\n"
        watch += "from sayna.providers.espeak import helper_program\nhelper_program.exit_with_parent(0)"
        program = subprocess.Popen([sys.executable, "-c", watch], stdin=theirs.fileno())
    with program:
        assert not ends(program.pid, within=0.2)
        ours.close()
        assert program.wait(timeout=5) == 0
