import sys
from collections.abc import Mapping

import numpy as np
import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.espeak import Espeak, EspeakConfig
from tests.engines.processes import processes
from tests.providers.espeak.listening import RATE, SENTENCE, loudness, pitch, request, samples, seconds


def test_a_sentence_is_heard(shared: Espeak) -> None:
    audio = samples(shared, SENTENCE)

    assert 3.5 < len(audio) / RATE < 5.0
    assert loudness(audio) > 500


@pytest.mark.parametrize("rate", [0.46, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0, 4.0])
def test_the_speaking_rate_divides_the_duration(shared: Espeak, rate: float) -> None:
    assert seconds(shared, SENTENCE * 2) / seconds(shared, SENTENCE * 2, rate=rate) == pytest.approx(rate, rel=0.1)


def test_settings_change_what_they_name_and_do_not_last(shared: Espeak) -> None:
    plain = samples(shared, SENTENCE)

    assert loudness(samples(shared, SENTENCE, volume=20)) < 0.5 * loudness(plain)
    assert pitch(samples(shared, SENTENCE, pitch=99)) > 1.2 * pitch(samples(shared, SENTENCE, pitch=0))
    assert seconds(shared, SENTENCE, word_gap=50) > 1.5 * len(plain) / RATE
    assert not np.array_equal(samples(shared, SENTENCE, pitch_range=0), plain)
    after = samples(shared, SENTENCE)
    assert len(after) == pytest.approx(len(plain), rel=0.01)
    assert loudness(after) == pytest.approx(loudness(plain), rel=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "😀👨‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "one\0two",
        "\x01\x02 bell \x07\x1b[31m",
        "lone \ud800 surrogate \udfff",
        "שלום עולם مرحبا",
        "你好世界 こんにちは 안녕하세요",
        "नमस्ते สวัสดี",
        "<speak><audio src='/etc/passwd'/>hello</speak>",
        "[[h@l'oU]] &amp; \u202eabc",
        "\ufeff\u200b\U0010ffff hello",
    ],
)
def test_text_of_any_script_is_spoken_by_the_same_engines(shared: Espeak, text: str) -> None:
    seconds(shared, "Hello")
    engines = processes(shared.pool)

    assert seconds(shared, text) > 0.1
    assert processes(shared.pool) == engines


def test_words_after_a_nul_are_spoken(shared: Espeak) -> None:
    assert seconds(shared, "one\0 two three four") == pytest.approx(seconds(shared, "one two three four"), rel=0.02)


# Some characters are spoken as several words each: a thousand of them last as long as 5,000 letters.
@pytest.mark.parametrize(("unit", "length"), [("Hello there. ", 5000), ("9", 2000), ("中", 1000), ("😀", 1000)])
def test_long_texts_are_spoken_whole(shared: Espeak, unit: str, length: int) -> None:
    text = (unit * length)[:length]

    assert seconds(shared, text, rate=4.0) > 0.8 * 10 * seconds(shared, text[: length // 10], rate=4.0)


def test_an_engine_that_is_off_says_how_to_turn_it_on() -> None:
    espeak = Espeak(EspeakConfig(enabled=False))

    assert not espeak.configured
    with pytest.raises(errors.ProviderNotConfigured, match="ESPEAK_ENABLED"):
        espeak.synthesize(request("Hello"))


def test_an_engine_whose_wheel_was_left_out_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak = Espeak(EspeakConfig(enabled=True))

    assert not espeak.configured
    with pytest.raises(errors.ProviderNotConfigured):
        espeak.list_voices(Deadline.after(5))


def test_the_settings_have_the_bounds_of_the_library(shared: Espeak) -> None:
    bounds: Mapping[str, object] = {name: (spec.low, spec.high) for name, spec in shared.voice_settings.items()}

    assert bounds == {"pitch": (0, 99), "pitch_range": (0, 99), "volume": (0, 200), "word_gap": (0, 100)}
