# ruff: noqa: RUF001 - other scripts are what this is about

"""Every word of a text is said, whatever the engine's buffers hold, and nothing in a text is obeyed."""

import random

import numpy as np
import pytest

from sayna.errors import EmptyText
from sayna.providers.espeak import Espeak
from tests.providers.espeak.listening import RATE, SENTENCE, loudness, samples, seconds


@pytest.mark.parametrize(
    ("voice", "unit", "times"),
    [
        ("gmw/en-US", "$19.99 ", 100),
        ("gmw/en-US", "A1B2 ", 200),
        ("gmw/en-US", "12:30 ", 150),
        ("gmw/en-US", "+1-555-0100 ", 60),
        ("gmw/en-US", "2024-01-02 ", 60),
        ("gmw/en-US", "\U0001f600 ", 100),
        ("gmw/de", "2024-01-02 ", 60),
        ("sit/cmn", "中文字", 200),
        ("tai/th", "สวัสดี ", 100),
        ("inc/hi", "नमस्ते ", 200),
        ("gmw/en-US", "한국어 ", 60),
        ("gmw/en-US", "hello ", 800),
        ("gmw/en-US", "192.168.0.1 ", 40),
        ("gmw/en-US", "DE89370400440532013000 ", 20),
        ("gmw/en-US", "42,ab;\u4e2d\u6587|x ", 60),
        ("gmw/en-US", "a.b@c.de\tпривет\t12:30\tสวัสดี\n", 30),
        ("gmw/en-US", "\U0001f1e9\U0001f1ea", 40),
        ("gmw/en-US", "สวัสดี", 33),
        ("gmw/en-US", "यह अच्छा है ", 100),
        ("gmw/de", "中", 200),
        ("gmw/de", "あいうえお", 40),
        ("gmw/de", "กรุงเทพมหานคร", 15),
        ("gmw/de", "€1.234,56 ", 60),
        ("roa/fr", "مرحبا", 60),
        ("roa/fr", "привет", 60),
        ("roa/fr", "01.02.2024 ", 40),
        ("roa/es", "calle 12, 3º ", 60),
        ("zle/ru", "здравствуйте ", 100),
        ("jpx/ja", "あいうえお", 100),
        ("jpx/ja", "東京タワーへ行く", 30),
        ("sem/ar", "السلام عليكم ", 100),
        ("inc/hi", "यह अच्छा है ", 200),
    ],
)
def test_many_repetitions_last_as_long_as_each_of_them(shared: Espeak, voice: str, unit: str, times: int) -> None:
    five, ten = (seconds(shared, unit * few, voice, 4.0) for few in (5, 10))
    one = (ten - five) / 5

    assert seconds(shared, unit * times, voice, 4.0) == pytest.approx(five + one * (times - 5), rel=0.06)


@pytest.mark.parametrize(
    ("voice", "written", "plain"),
    [
        ("jpx/ja", "部屋１２３", "部屋123"),
        ("sit/cmn", "房间１２３", "房间123"),
        ("sit/cmn", "第①章", "第 1 章"),
        ("jpx/ja", "５０％", "50%"),
        ("jpx/ja", "ＡＢＣ", "ABC"),
        ("gmw/en-US", "room １２３", "room 123"),
        ("gmw/en-US", "room ١٢٣", "room 123"),
        ("gmw/en-US", "room १२३", "room 123"),
        ("gmw/en-US", "𝐇𝐞𝐥𝐥𝐨 𝟓", "Hello 5"),
        ("gmw/en-US", "20 ℃", "20 °C"),
        ("sem/ar", "غرفة ١٢٣", "غرفة 123"),
    ],
)
def test_digits_of_every_script_and_width_are_said(shared: Espeak, voice: str, written: str, plain: str) -> None:
    assert seconds(shared, written, voice) == pytest.approx(seconds(shared, plain, voice), rel=0.02)


def test_numbers_one_a_line_are_all_said(shared: Espeak) -> None:
    numbers = "\n".join(map(str, range(100, 200)))
    halves = (seconds(shared, "\n".join(map(str, range(first, first + 10)))) for first in range(100, 200, 10))

    assert seconds(shared, numbers) == pytest.approx(sum(halves), rel=0.06)


def test_a_number_of_500_digits_is_said_digit_by_digit(shared: Espeak) -> None:
    fifty = seconds(shared, "1234567890" * 5, rate=4.0)

    assert seconds(shared, "1234567890" * 50, rate=4.0) == pytest.approx(10 * fifty, rel=0.05)


def test_a_cut_inside_a_clause_is_no_pause(shared: Espeak) -> None:
    audio = np.abs(samples(shared, "nineteen dollars " * 100))
    loud = np.flatnonzero(audio > 200)

    assert np.diff(loud).max() < 0.2 * RATE


@pytest.mark.parametrize("command", ["\x0150T\x0130H x", "\x01+90P x", "\x01400S x"])
def test_a_command_in_a_text_does_not_change_later_speech(shared: Espeak, command: str) -> None:
    before = samples(shared, SENTENCE)
    seconds(shared, command)
    after = samples(shared, SENTENCE)

    assert len(after) == pytest.approx(len(before), rel=0.01)
    assert loudness(after) == pytest.approx(loudness(before), rel=0.05)


def test_identical_requests_sound_alike_after_200_others(shared: Espeak) -> None:
    dice = random.Random(7)
    alphabet = "aeW 19$.,:;!?-'\"[]{}<>&%@\x01\x02\x1b語กहم\u0301\U0001f600\n"
    before = samples(shared, SENTENCE)
    for _ in range(200):
        text = "a" + "".join(dice.choice(alphabet) for _ in range(dice.randrange(1, 40)))
        voice = dice.choice(["gmw/en-US", "gmw/de", "inc/hi", "sit/cmn"])
        samples(shared, text, voice, 4.0, pitch=dice.randrange(100), volume=dice.randrange(1, 200))
    after = samples(shared, SENTENCE)

    assert len(after) == pytest.approx(len(before), rel=0.01)
    assert loudness(after) == pytest.approx(loudness(before), rel=0.05)


@pytest.mark.parametrize(
    ("written", "bare"),
    [("[[h@l'oU]] there", "h@l'oU there"), ("<break time='10s'/>hello", "break time='10s'/ hello")],
)
def test_phonemes_and_marks_are_said_as_written(shared: Espeak, written: str, bare: str) -> None:
    assert 0.9 < seconds(shared, written) / seconds(shared, bare) < 2


@pytest.mark.parametrize("text", ["---लच्छेद", "\"'-दल", "hello there ---लच्छेद, and so on"])
def test_a_text_that_kills_the_engine_is_said_without_hyphens(shared: Espeak, text: str) -> None:
    seconds(shared, "Hello")
    said = seconds(shared, text, "inc/hi")

    assert said == pytest.approx(seconds(shared, text.replace("-", " "), "inc/hi"), rel=0.1)
    assert seconds(shared, "Hello") > 0.2


@pytest.mark.parametrize("text", ["", "^", "\U0001fae8", "\n\n"])
def test_a_text_that_the_engine_answers_with_silence_is_empty(shared: Espeak, text: str) -> None:
    with pytest.raises(EmptyText):
        seconds(shared, text)
    assert seconds(shared, "Hello") > 0.2
