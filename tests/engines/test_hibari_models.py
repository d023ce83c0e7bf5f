"""hibari as the engine process runs it: how English is read, what a long text costs, what is not obeyed."""

import gzip
import importlib.util
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from sayna.engines.wire import AUDIO, END, Send
from tests.engines.said import SAID

if importlib.util.find_spec("hibari") is None:
    pytest.skip("this test needs hibari; get it with: scripts/install requirements-neural.txt", allow_module_level=True)

from hibari.tts import ASSETS

from sayna.engines import hibari_models, packed_table
from sayna.engines.english import written_out

RATE = 24000
pytestmark = pytest.mark.usefixtures("natural_voice")


def ear(frames: list[bytes]) -> Send:
    """Return what hears everything, and puts it into `frames`."""

    def hear(kind: bytes, payload: bytes) -> bool:
        assert kind == AUDIO
        frames.append(payload)
        return True

    return hear


def said(text: str, speed: float = 1.0) -> list[bytes]:
    frames: list[bytes] = []
    told = {"model": "", "version": "", "is_british": False, "speed": speed, "text": text}
    steps = hibari_models.say(json.dumps(told).encode(), ear(frames))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            assert end.value == END
            return frames


def phonemes_of(text: str) -> list[str]:
    """Return the phonemes of each sentence of a text in American English."""
    return list(hibari_models._voice("", "", is_british=False).clauses(text))


def sounds(text: str) -> str:
    """Return the phonemes of a text without stress, pauses and the ends of words."""
    return re.sub(r"[ˈˌ,.“”\"?!—;:\s]", "", "".join(phonemes_of(text)))


@pytest.mark.parametrize(("written", "spoken"), SAID)
def test_written_english_sounds_like_its_words(written: str, spoken: str) -> None:
    assert sounds(written) == sounds(spoken)


def test_the_list_has_sixty_sentences() -> None:
    assert len({written for written, _ in SAID}) >= 60


@pytest.mark.parametrize("text", ["It is approx. 5 km away.", "Meet Dr. Lee at 12 Main St. today.", "See No. 7 now."])
def test_a_full_stop_of_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert len(said(text)) == 1


def test_each_sentence_comes_for_itself_and_sounds_the_same_again() -> None:
    first = said("Hello there. How are you? Fine.")
    assert len(first) == 3
    assert all(0.2 < len(each) / 2 / RATE < 3 for each in first)
    assert said("Hello there. How are you? Fine.") == first


def test_speed_divides_the_duration() -> None:
    text = "The quick brown fox jumps over the lazy dog."
    normal = len(b"".join(said(text)))
    assert len(b"".join(said(text, 2.0))) == pytest.approx(normal / 2, rel=0.1)
    assert len(b"".join(said(text, 0.5))) == pytest.approx(normal * 2, rel=0.1)


@pytest.mark.parametrize("text", ["a " * 2000, "W" * 500, "so, " * 500])
def test_no_part_is_longer_than_the_memory_allows(text: str) -> None:
    parts = phonemes_of(text)
    assert len(parts) > 1
    assert all(0 < len(part) <= hibari_models.MAX_PHONEMES for part in parts)


def test_phonemes_in_a_text_are_not_obeyed() -> None:
    assert sounds("Say [hibari](/tu/) now.") != sounds("Say to now.")


def test_an_endless_number_is_told_as_an_error_before_any_sound() -> None:
    frames: list[bytes] = []
    told = {"model": "", "version": "", "is_british": False, "speed": 1.0, "text": "Hello. " + "9" * 300}
    with pytest.raises(IndexError):
        list(hibari_models.say(json.dumps(told).encode(), ear(frames)))
    assert frames == []


@pytest.mark.parametrize("name", ["lexicon_us_gold", "lexicon_us_silver", "tagger"])
def test_packed_dictionaries_hold_what_the_files_hold(name: str) -> None:
    path = Path(ASSETS, f"{name}.json.gz")
    file = packed_table.PackedFile(path)
    packed: Any = file.load()
    plain = json.loads(gzip.decompress(path.read_bytes()))
    tables = [(packed, plain)] if name != "tagger" else [(packed[key], plain[key]) for key in ("tagdict", "weights")]
    for table, rows in tables:
        assert isinstance(table, packed_table.PackedTable)
        # One in five, because each look takes 10 µs.
        some = dict(list(rows.items())[::5])
        assert {key: table.get(key) for key in some} == some
        assert [table.get(key, "none") for key in ("", "no such key", "\uffff", "\ud800")] == ["none"] * 4
        assert next(iter(rows)) in table
        assert "no such key" not in table
    file._file.close()


@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "1.", "0", "a.", "w", "www.", "e.g.", "+1 ", "1-", "-", "(555) ", "Mon-", "5 in.", "$", "1/2", ":"],
)
def test_the_time_to_write_a_text_out_grows_with_its_length_only(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        before = time.process_time()
        written_out(text)
        return time.process_time() - before

    assert min(seconds(4000) for _ in range(3)) < 20 * min(seconds(1000) for _ in range(3)) + 0.05
