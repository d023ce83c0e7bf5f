"""What is said of a text, for tests of what a provider is asked to say."""

from collections.abc import Sequence

from sayna.speech.spoken import PronunciationTable, Spoken, spoken


def spoken_text(text: str, rules: Sequence[tuple[str, str]]) -> str:
    return spoken(text, "none", PronunciationTable(rules), 1_000_000).text


def spoken_document(document: str, rules: Sequence[tuple[str, str]] = (), *, markup: str = "ssml") -> Spoken:
    return spoken(document, markup, PronunciationTable(rules), 5000)
