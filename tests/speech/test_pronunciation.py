import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayna.errors import InvalidRequest
from sayna.speech.spoken import PronunciationTable
from tests.speech.saying import spoken_text

SPACED_LETTERS, UNSPACED_LETTERS, SPACED_MARKS, UNSPACED_MARKS = "abA9_", "\u3042\u4e2d\u0e01", "\u0332", "\u0e34"
ALPHABET = SPACED_LETTERS + UNSPACED_LETTERS + SPACED_MARKS + UNSPACED_MARKS + " -+."


def one_by_one(text: str, words: list[str]) -> str:
    """Return the text with each word in brackets, found by comparing every word at every place."""
    said, place = "", 0
    while place < len(text):
        fits = [
            word
            for word in words
            if text.startswith(word, place) and begins(text, place) and ends(text, place + len(word))
        ]
        longest = max(fits, key=len, default="")
        said += f"<{longest}>" if longest else text[place]
        place += len(longest) or 1
    return said


def begins(text: str, place: int) -> bool:
    if text[place] in UNSPACED_LETTERS + UNSPACED_MARKS:
        return text[place] in UNSPACED_LETTERS
    return not place or text[place - 1] not in SPACED_LETTERS + SPACED_MARKS


def ends(text: str, place: int) -> bool:
    after = text[place : place + 1]
    if after and after in SPACED_MARKS + UNSPACED_MARKS:
        return False
    return not after or after not in SPACED_LETTERS or text[place - 1] in UNSPACED_LETTERS + UNSPACED_MARKS


@settings(max_examples=150, deadline=None)
@given(st.text(ALPHABET, max_size=40), st.lists(st.text(ALPHABET, min_size=1, max_size=5), max_size=8))
def test_a_table_finds_what_a_comparison_of_all_words_finds(text: str, words: list[str]) -> None:
    normal = [each for word in words if (each := unicodedata.normalize("NFC", word).strip())]
    text = unicodedata.normalize("NFC", text)

    table = PronunciationTable([(word, f"<{word}>") for word in normal])

    assert table.apply(text) == one_by_one(text, normal)


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("राम और रामू", "राम", "X और रामू"),
        ("ச செலவு", "ச", "X செலவு"),
        ("cafe cafe\u0301", "cafe", "X caf\u00e9"),
        ("cafe\u0301", "caf\u00e9", "X"),
        ("caf\u00e9", "cafe\u0301", "X"),
        ("私は東京都に住む", "東京", "私はX都に住む"),
        ("ไปกรุงเทพนะ", "กรุงเทพ", "ไปXนะ"),
        ("ເມືອງວຽງຈັນ", "ວຽງຈັນ", "ເມືອງX"),
        ("ភ្នំពេញក្រុង", "ភ្នំពេញ", "Xក្រុង"),
        ("AIは", "AI", "Xは"),
        ("PAID AI, AI's AI_", "AI", "PAID X, X's AI_"),
        ("C++ and C++11", "C++", "X and C++11"),
        ("กา", "ก", "Xา"),
        ("กิ", "ก", "กิ"),
    ],
)
def test_words_are_replaced_where_a_word_may_begin_and_end(text: str, word: str, said: str) -> None:
    assert spoken_text(text, [(word, "X")]) == said


def test_the_longest_word_wins_and_nothing_is_replaced_twice() -> None:
    table = PronunciationTable([("New York", "A"), ("New", "B"), ("A", "C"), ("York", "D")])
    assert table.apply("New York New Yorker York A") == "A B Yorker D C"


def test_a_shorter_word_is_found_where_the_longer_one_does_not_end() -> None:
    assert PronunciationTable([("x-ray", "L"), ("x", "S")]).apply("x-rays x-ray x") == "S-rays L S"


def test_control_characters_in_a_pronunciation_are_not_spoken() -> None:
    assert spoken_text("say it", [("it", "\x0150Tthat\u200b")]) == "say  50Tthat"


def test_a_short_text_may_grow_by_2000_characters() -> None:
    assert spoken_text("a b", [("a", "x" * 2001)]) == "x" * 2001 + " b"
    with pytest.raises(InvalidRequest, match="4 times"):
        spoken_text("a b", [("a", "x" * 2002)])


def test_a_long_text_may_grow_to_four_times_its_length() -> None:
    text = "a " * 1000
    # The blank at its end is not said.
    assert len(spoken_text(text, [("a", "x" * 7)])) == 4 * len(text) - 1
    with pytest.raises(InvalidRequest, match="4 times"):
        spoken_text(text, [("a", "x" * 8)])


def test_rules_win_over_those_of_the_base_and_share_its_words() -> None:
    base = PronunciationTable([("New York", "A"), ("New", "B"), ("old", "C")])
    table = PronunciationTable([("New", "D"), ("New Yorker", "E")], base)

    assert table.apply("New York New Yorker New old") == "A E D C"
    assert base.apply("New York New Yorker New old") == "A B Yorker B C"
