"""Every word of a text is said by a Piper voice that asks espeak-ng for its phonemes."""

import json
from pathlib import Path

import pytest

from sayna.engines.wire import AUDIO
from sayna.providers.piper import Piper
from tests.providers.piper.test_piper import samples
from tests.providers.piper.voices import install


@pytest.mark.parametrize(
    ("voice", "unit", "times"),
    [
        ("de", "\u4e2d", 200),
        ("en-us", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", 40),
        ("fr", "\u0645\u0631\u062d\u0628\u0627", 60),
        ("cmn", "\u4e2d", 400),
        ("en-us", "hello ", 400),
        ("en-us", "$19.99 ", 100),
    ],
)
def test_many_repetitions_last_as_long_as_each_of_them(
    folder: Path, piper: Piper, voice: str, unit: str, times: int
) -> None:
    install(folder, phoneme_type="espeak", espeak={"voice": voice})
    five, ten = (samples(piper, unit * few) for few in (5, 10))

    assert samples(piper, unit * times) == pytest.approx(five + (ten - five) / 5 * (times - 5), rel=0.06)


@pytest.mark.parametrize("text", ["---\u0932\u091a\u094d\u091b\u0947\u0926 a", "a \"'-\u0926\u0932"])
def test_a_text_that_kills_the_engine_of_espeak_is_said(folder: Path, piper: Piper, text: str) -> None:
    install(folder, phoneme_type="espeak", espeak={"voice": "hi"})

    assert samples(piper, text)


def test_a_long_clause_is_one_sentence_in_the_engine_too(folder: Path) -> None:
    from sayna.engines import piper_models  # noqa: PLC0415 - imports piper

    install(folder, phoneme_type="espeak", espeak={"voice": "en-us"})
    frames: list[bytes] = []

    def hear(kind: bytes, payload: bytes) -> bool:
        frames.append(payload)
        return kind == AUDIO

    def size(text: str) -> int:
        frames.clear()
        told = {"model": str(folder / "en_US-tiny-low.onnx"), "version": "w", "settings": {}, "text": text}
        assert len(list(piper_models.say(json.dumps(told).encode(), hear))) == len(frames)
        return len(b"".join(frames))

    for unit in ("hello ", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35"):
        five, ten = size(unit * 5), size(unit * 10)
        assert size(unit * 150) == pytest.approx(five + (ten - five) / 5 * 145, rel=0.06)
        assert len(frames) == 1
