import pytest

from sayna.errors import InvalidRequest
from sayna.speech.pronunciation import PronunciationTable, spoken_text


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


def test_replacements_that_make_a_text_four_times_as_long_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="4 times"):
        spoken_text("a a a", [("a", "b" * 20)])
