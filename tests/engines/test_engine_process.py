"""The loop of an engine process, run here turn by turn; the other end of its socket is read by the test."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import espeakng_loader
import pytest

from sayna.engines import engine_process, espeak_library, wire
from sayna.engines.engine_process import EngineProcess
from tests.engines.processes import ends

FILES = b"".join(each().encode() + b"\0" for each in (espeakng_loader.get_library_path, espeakng_loader.get_data_path))
SETTINGS = espeak_library.SETTINGS.pack(175, 100, 50, 50, 0)
ENGLISH = FILES + SETTINGS + b"gmw/en-US\0"


class Bench:
    """An engine process without the process: `ask` takes a request, `heard` what came back until its end."""

    def __init__(self, folder: Path, engines: dict[bytes, wire.Engine]) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "s"))
        self.listener.listen()
        self.listener.setblocking(False)
        self.process = EngineProcess([self.listener], engines)

    def ask(self, kind: bytes, payload: bytes = b"", seconds: float = 30) -> socket.socket:
        worker = socket.socket(socket.AF_UNIX)
        worker.connect(self.listener.getsockname())
        worker.sendall(wire.frame(kind, wire.SECONDS.pack(seconds) + payload))
        worker.setblocking(False)
        return worker

    def heard(self, worker: socket.socket, turns: int = 1000) -> list[tuple[bytes, bytes]]:
        """Turn until the response is over, and return its frames."""
        data = b""
        for _ in range(turns):
            with contextlib.suppress(BlockingIOError):
                while more := worker.recv(1 << 20):
                    data += more
                worker.close()
                return _frames(data)
            self.process.turn()
        raise AssertionError("the response does not end")


def _frames(data: bytes) -> list[tuple[bytes, bytes]]:
    frames = []
    while data:
        size, kind = wire.HEADER.unpack_from(data)
        end = wire.HEADER.size + size
        frames.append((kind, data[wire.HEADER.size : end]))
        assert len(data) >= end
        data = data[end:]
    return frames


def talk(payload: bytes, send: wire.Send) -> wire.Steps:
    """An engine that says each byte of a text in a step of its own."""
    for byte in payload:
        send(wire.AUDIO, bytes([byte]) * 100_000)
        yield
    if payload == b"!":
        raise LookupError("secret words")
    return wire.END


@pytest.fixture
def bench() -> Iterator[Bench]:
    engines: dict[bytes, wire.Engine] = {
        wire.ESPEAK: espeak_library.say,
        wire.VOICES: espeak_library.send_voices,
        wire.HIBARI: talk,
    }
    folder = Path(f"/tmp/sayna-bench-{os.getpid()}")
    folder.mkdir(mode=0o700)
    made = Bench(folder, engines)
    yield made
    made.listener.close()
    (folder / "s").unlink()
    folder.rmdir()


def test_audio_comes_in_frames_of_at_most_a_second(bench: Bench) -> None:
    *audio, end = bench.heard(bench.ask(wire.ESPEAK, ENGLISH + b"One two three four five six seven eight nine ten."))

    assert end == (wire.END, b"")
    assert len(audio) > 2
    assert max(len(payload) for _, payload in audio) <= 2 * 1.1 * espeak_library.SAMPLE_RATE
    assert all(len(payload) % 2 == 0 for _, payload in audio)


def test_the_table_holds_voices_and_variants(bench: Bench) -> None:
    (kind, table), end = bench.heard(bench.ask(wire.VOICES, FILES))

    assert (kind, end) == (wire.TABLE, (wire.END, b""))
    assert b"sit/cmn\tChinese (Mandarin, latin as English)\t5:cmn 5:zh-cmn 5:zh" in table.splitlines()
    assert b"klatt4" in table.splitlines()


def test_an_unknown_voice_is_told_and_forgotten(bench: Bench) -> None:
    for voice, kind in [(b"nosuch", wire.NO_VOICE), (b"nosuch", wire.NO_VOICE), (b"gmw/de", wire.END)]:
        assert bench.heard(bench.ask(wire.ESPEAK, FILES + SETTINGS + voice + b"\0Hallo"))[-1][0] == kind


def test_speech_beyond_the_limit_is_an_error_not_a_shorter_clip(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_library, "MAX_SAMPLES", 3 * espeak_library.SAMPLE_RATE)

    assert bench.heard(bench.ask(wire.ESPEAK, ENGLISH + b"Hello there. " * 10))[-1][0] == wire.TOO_LONG


def test_an_unusable_library_is_told_by_its_type_alone(bench: Bench) -> None:
    assert bench.heard(bench.ask(wire.VOICES, b"/nonexistent.so\0/\0")) == [(wire.FAILED, b"OSError")]


def test_an_error_of_an_engine_ends_its_request_alone(bench: Bench) -> None:
    assert bench.heard(bench.ask(wire.HIBARI, b"!"))[-1] == (wire.FAILED, b"LookupError")
    assert bench.heard(bench.ask(wire.HIBARI, b"a"))[-1] == (wire.END, b"")


def test_requests_take_turns_a_sentence_each(bench: Bench) -> None:
    long, short = bench.ask(wire.HIBARI, b"l" * 50), bench.ask(wire.HIBARI, b"s")

    assert len(bench.heard(short, turns=12)) == 2
    assert len(bench.heard(long)) == 51


def test_what_a_slow_worker_does_not_read_is_kept(bench: Bench) -> None:
    slow = bench.ask(wire.ESPEAK, ENGLISH + b"Hello there. " * 100)

    assert bench.heard(bench.ask(wire.ESPEAK, ENGLISH + b"Hello"))[-1][0] == wire.END
    assert sum(len(payload) for _, payload in bench.heard(slow)) > 60 * 44100


def test_a_worker_that_leaves_ends_its_request(bench: Bench) -> None:
    for kind, payload in ((wire.ESPEAK, ENGLISH + b"Hello there. " * 300), (wire.HIBARI, b"l" * 500)):
        leaving = bench.ask(kind, payload)
        bench.process.turn()
        leaving.close()
        for _ in range(3):
            bench.process.turn() if bench.process._jobs else None
        assert not bench.process._jobs
    with bench.ask(b"?"):
        bench.process.turn()
    assert bench.heard(bench.ask(wire.HIBARI, b"a"))[-1] == (wire.END, b"")


def test_memory_is_freed_when_nothing_is_left_to_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "IDLE_MS", 1)
    bench.heard(bench.ask(wire.HIBARI, b"a"))
    while bench.process._has_garbage:
        bench.process.turn()
    assert bench.process._patience_ms() is None


def test_an_engine_process_ends_with_the_program_that_holds_it() -> None:
    reading, writing = os.pipe()
    watch = f"import sys; sys.path[:0] = [{str(Path.cwd())!r}]\n"
    watch += f"from sayna.engines.engine_process import exit_with_parent\nexit_with_parent({reading})"
    with subprocess.Popen([sys.executable, "-c", watch], pass_fds=[reading]) as program:
        os.close(reading)
        assert not ends(program.pid, within=0.2)
        os.close(writing)
        assert program.wait(timeout=30) == 0
