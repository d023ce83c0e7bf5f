# ruff: noqa: RUF001 - other scripts are what this is about

import random
import unicodedata

import pytest

from sayna.speech.longtext import Limit, split

ENGLISH = 'Dr. Smith paid $3.50 for it! Was it e.g. good? "Yes," she said... And (really) it was over. '
FAMILY = "👨‍👩‍👧‍👦"


def letters(text: str) -> str:
    return "".join(text.split())


def parts(text: str, limit: Limit, language: str = "en-US") -> list[str]:
    return list(split(text, language, limit))


@pytest.mark.parametrize("seed", range(8))
def test_no_character_is_lost_or_said_twice_and_no_part_is_too_long(seed: int) -> None:
    dice = random.Random(seed)
    alphabet = "aZ 1.,!?\"'()[]{}…。！♨∯ȸ☝\n\r\t-–“”&<>@#%*ßनि्मe\u0301👍🏽\u200dあ한؟۔"
    for _ in range(50):
        text = "".join(dice.choice(alphabet) for _ in range(dice.randrange(1, 400)))
        limit = dice.choice([Limit(dice.randrange(1, 120)), Limit(None, dice.randrange(4, 120))])
        found = parts(text, limit, dice.choice(["en", "zh-CN", "ar", "de", "ja", "hi", "ru", "my", ""]))
        assert letters("".join(found)) == letters(text)
        assert all(part and part == part.strip() for part in found)
        assert all(len(part) <= (limit.chars or 999) for part in found)
        assert all(len(part.encode()) <= (limit.octets or 9999) for part in found)


@pytest.mark.parametrize(
    ("language", "text", "ends"),
    [
        ("en-US", ENGLISH * 30, ("!", "?", ".", "...")),
        ("de", "Das gilt z. B. am 3. Oktober um 8 Uhr. Wer kommt denn alles? " * 60, (".", "?")),
        ("zh-CN", "你好。今天天气很好！你呢？" * 200, ("。", "！", "？")),
        ("ja", "これはペンです。あれは「本です。」と言った。" * 100, ("。",)),
        ("ar", "مرحبا. كيف حالك؟ أنا بخير! " * 100, (".", "؟", "!")),
        ("hi", "यह अच्छा है। क्या आप ठीक हैं? " * 100, ("।", "?")),
        ("th", "สวัสดี! " * 300, ("!",)),
        ("", "你好。今天天气很好！" * 200, ("。", "！")),
    ],
)
def test_parts_end_where_sentences_do(language: str, text: str, ends: tuple[str, ...]) -> None:
    found = parts(text, Limit(400), language)
    assert len(found) > 2
    assert all(part.endswith(ends) for part in found)
    assert not any(part.endswith(("Dr.", "e.g.", "z. B.", "3.", "z.")) for part in found)


def test_decimal_numbers_stay_whole_even_at_the_edge() -> None:
    for pad in range(30):
        found = parts("x" * pad + " one two. He paid 3.5 for it and 3,000 for that, or more.", Limit(40))
        assert not any(part.endswith(("3.", "3,")) for part in found)


def test_a_sentence_that_is_too_long_is_cut_between_clauses() -> None:
    text = "and so on, " * 100
    assert all(part.endswith(",") for part in parts(text, Limit(150)))


def test_without_any_punctuation_words_stay_whole() -> None:
    found = parts("wonderful " * 200, Limit(99))
    assert {word for part in found for word in part.split()} == {"wonderful"}


def test_without_any_space_characters_stay_whole() -> None:
    assert all(set(part.replace(FAMILY, "?")) == {"?"} for part in parts(FAMILY * 300, Limit(100)))
    flags = parts("🇩🇪🇫🇷" * 300, Limit(101))
    assert all(len(part) % 2 == 0 for part in flags)
    accents = parts("e\u0301" * 300, Limit(None, 100))
    assert not any(unicodedata.combining(part[0]) for part in accents)


def test_bytes_are_counted_in_utf8() -> None:
    assert Limit(octets=10).parts("ä" * 11) == 3
    assert [len(part.encode()) for part in parts("ä" * 11, Limit(octets=10))] == [10, 10, 2]


def test_text_that_fits_is_one_part() -> None:
    assert parts("Hello. World.", Limit(13)) == ["Hello. World."]
    assert Limit().parts("x" * 10**6) == 1
    assert Limit(5000, 5000).parts("x" * 5000) == 1


@pytest.mark.parametrize("text", [ENGLISH, "no end of it ", "a" * 99, "(" * 99, "... ", "1. ", "“", "\n. "])
def test_a_text_of_many_parts_loses_no_letter(text: str) -> None:
    text = (text * (10_000 // len(text) + 1))[:10_000]
    found = parts(text, Limit(2000))
    assert len(found) >= 5
    assert letters("".join(found)) == letters(text)
