import threading
import time
from collections.abc import Iterator

import pytest

from sayna.audio.spec import AudioSpec
from sayna.errors import EmptyText, Overloaded, ProviderError
from sayna.http import Deadline
from sayna.providers.base import AudioStream, SpeechRequest
from sayna.speech import longtext
from sayna.speech.longtext.job import SILENCE_MS
from sayna.speech.text import has_speech
from tests.speech.longtext.vendor import RATE, SAMPLES_PER_CHARACTER, Singer, packed, stretch
from tests.threads import no_new_threads

TEXT = " ".join(f"Sentence number {number} is here." for number in range(40))
LETTERS = len("".join(TEXT.split()))
WHOLE = packed(stretch(0, LETTERS * SAMPLES_PER_CHARACTER))


def request(text: str) -> SpeechRequest:
    return SpeechRequest(
        text=text, voice_id="one", model="", language="en", speaking_rate=1.0, settings={}, credentials=None,
        target=AudioSpec("mp3", 24000), connect_seconds=1.0, deadline=Deadline.after(30),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    end = time.monotonic() + 5
    while any(thread.name.startswith("part") for thread in threading.enumerate()):
        assert time.monotonic() < end, "threads of a long text are left"
        time.sleep(0.001)


@pytest.mark.parametrize("sends", ["linear16", "wav"])
def test_no_sample_is_lost_and_none_is_put_between_the_parts(sends: str) -> None:
    singer = Singer(TEXT, sends=sends)
    stream = longtext.synthesize(singer, request(TEXT), 5)
    assert stream.spec == AudioSpec("linear16", RATE)
    assert b"".join(stream.chunks) == WHOLE
    assert len(singer.parts) > 10
    assert sorted(set(singer.closed)) == sorted(singer.parts)


def test_short_text_is_given_to_the_vendor_as_it_is() -> None:
    singer = Singer("Short.")
    stream = longtext.synthesize(singer, request("Short."), 5)
    assert singer.parts == ["Short."]
    assert b"".join(stream.chunks) == packed(stretch(0, 6 * SAMPLES_PER_CHARACTER))


def test_first_part_is_heard_while_the_next_ones_are_still_made() -> None:
    first_heard = threading.Event()

    def hold(part: str) -> None:
        assert part.startswith("Sentence number 0 ") or first_heard.wait(5)

    stream = longtext.synthesize(Singer(TEXT, hold=hold), request(TEXT), 5)
    heard = next(stream.chunks)
    first_heard.set()
    assert heard + b"".join(stream.chunks) == WHOLE


def test_few_parts_are_made_at_a_time() -> None:
    singer = Singer(TEXT)
    assert b"".join(longtext.synthesize(singer, request(TEXT), 5).chunks) == WHOLE
    assert singer.most_at_once <= 4


@pytest.mark.parametrize("number", [0, 20, 39])
def test_a_part_that_fails_fails_the_whole(number: int) -> None:
    text = TEXT.replace(f"number {number} is", f"number {number} FAIL is")
    stream = longtext.synthesize(Singer(text), request(text), 5)
    with pytest.raises(ProviderError, match="broken off"):
        b"".join(stream.chunks)


def test_machine_without_threads_is_overloaded() -> None:
    singer = Singer(TEXT)
    stream = longtext.synthesize(singer, request(TEXT), 5)
    with no_new_threads(), pytest.raises(Overloaded):
        next(stream.chunks)
    assert singer.closed == singer.parts


def test_what_the_vendor_refuses_at_once_is_raised_before_any_audio() -> None:
    class Refusing(Singer):
        def synthesize(self, request: SpeechRequest) -> AudioStream:
            raise ProviderError("no such voice")

    with pytest.raises(ProviderError, match="no such voice"):
        longtext.synthesize(Refusing(TEXT), request(TEXT), 5)


def test_who_hangs_up_stops_the_parts_under_way() -> None:
    closed = threading.Event()

    def hold(part: str) -> None:
        assert part.startswith("Sentence number 0 ") or closed.wait(5)

    singer = Singer(TEXT, hold=hold)
    stream = longtext.synthesize(singer, request(TEXT), 5)
    next(stream.chunks)
    stream.close()
    stream.close()
    closed.set()
    assert len(singer.parts) <= 4


def test_calling_the_request_off_calls_every_part_off() -> None:
    singer, asked = Singer(TEXT), request(TEXT)
    stream = longtext.synthesize(singer, asked, 50)
    next(stream.chunks)
    asked.deadline.cancel()
    assert {deadline.remaining() for deadline in singer.deadlines} == {0.0}
    stream.close()


def test_every_part_has_the_time_of_a_whole_request() -> None:
    singer = Singer(TEXT)
    began = time.monotonic()
    b"".join(longtext.synthesize(singer, request(TEXT), 50).chunks)
    assert all(began + 49 < deadline.at < time.monotonic() + 51 for deadline in singer.deadlines)
    assert longtext.allowance(singer, request(TEXT), 60) == 60 * -(-len(TEXT) // 100)
    assert longtext.allowance(singer, request("Short."), 60) == 60


@pytest.mark.parametrize("ruler", [". " * 150, "-" * 200, "\u2500" * 150 + "\n"])
def test_part_with_nothing_to_say_is_a_short_silence(ruler: str) -> None:
    silence = bytes(2 * round(SILENCE_MS * RATE / 1000))
    for text in (f"{TEXT} {ruler}", f"{ruler} {TEXT}", f"{TEXT} {ruler} {TEXT}"):
        singer = Singer(text)
        audio = b"".join(longtext.synthesize(singer, request(text), 5).chunks)
        assert all(has_speech(part) for part in singer.parts)
        assert silence in audio


def test_text_of_silent_parts_alone_is_empty() -> None:
    with pytest.raises(EmptyText, match="nothing to say"):
        longtext.synthesize(Singer("-"), request("-" * 500), 5)


def test_part_that_the_provider_cannot_say_is_a_short_silence() -> None:
    class Nameless(Singer):
        def synthesize(self, request: SpeechRequest) -> AudioStream:
            if "number 20 " in request.text:
                raise EmptyText("there is nothing to say in this text")
            return super().synthesize(request)

    audio = b"".join(longtext.synthesize(Nameless(TEXT), request(TEXT), 5).chunks)
    assert bytes(2 * round(SILENCE_MS * RATE / 1000)) in audio
