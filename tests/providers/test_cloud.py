import email.utils
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.deepgram import Deepgram
from sayna.providers.vendor_health import FAILURES
from tests.wire import answers
from tests.wire.asking import request, speak
from tests.wire.deepgram import DeepgramFake

OWN = {"api_key": "good"}
SOUND = b"\1\2" * 5000


@pytest.fixture
def fake() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


def date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("7", 7),
        ("6.5", 7),
        ("100", 60),
        ("1e9", 60),
        ("9" * 400, 60),
        ("inf", 60),
        (lambda: date(30), 30),
        (lambda: date(9e6), 60),
    ],
)
def test_a_longer_pause_is_passed_on_and_not_waited_for(
    fake: DeepgramFake, code: int, asked: str | Callable[[], str], told: int
) -> None:
    fake.then(answers.status(code, headers={"Retry-After": asked if isinstance(asked, str) else asked()}))
    started = time.monotonic()

    with pytest.raises(errors.ProviderError) as caught:
        speak(fake.provider())

    assert type(caught.value) is (errors.ProviderRateLimited if code == 429 else errors.ProviderError)
    # Seconds go by between a date and its reader.
    assert caught.value.retry_after == pytest.approx(told, abs=1 if isinstance(asked, str) else 5)
    assert len(fake.hits) == 1
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "asked",
    [None, "", "0", "-5", "-1e9", "nan", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 99 Foo 2026 99:99:99 GMT"],
)
def test_a_short_or_senseless_pause_is_one_retry(fake: DeepgramFake, asked: str | None) -> None:
    fake.then(answers.too_many(asked))

    assert speak(fake.provider()) == fake.sent[0]
    assert len(fake.hits) == 2


@pytest.mark.parametrize("asked", [None, "0", "-5", "soon"])
def test_a_second_429_is_the_last(fake: DeepgramFake, asked: str | None) -> None:
    fake.then(answers.too_many(asked), answers.too_many(asked))

    with pytest.raises(errors.ProviderRateLimited) as caught:
        speak(fake.provider())

    assert (caught.value.retry_after, len(fake.hits)) == (1, 2)


def test_a_pause_up_to_two_seconds_is_waited_for(fake: DeepgramFake) -> None:
    fake.then(answers.too_many("1"))
    started = time.monotonic()

    assert speak(fake.provider()) == fake.sent[0]
    assert time.monotonic() - started >= 1


def test_a_pause_beyond_the_deadline_is_not_waited_for(fake: DeepgramFake) -> None:
    fake.then(answers.too_many("2"))
    provider = fake.provider()

    with pytest.raises(errors.ProviderRateLimited):
        speak(provider, request(provider, request_timeout=1.9))

    assert len(fake.hits) == 1


def test_failures_beyond_one_retry_are_told(fake: DeepgramFake) -> None:
    fake.then(answers.status(503), answers.reset())

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())

    assert len(fake.hits) == 2


def test_audio_that_has_begun_is_never_asked_for_again(fake: DeepgramFake) -> None:
    fake.then(answers.reset_after(SOUND))

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())

    assert len(fake.hits) == 1


def test_a_long_error_is_not_read_to_its_end(fake: DeepgramFake) -> None:
    fake.then(answers.raw(answers.head(400, {"Content-Length": "900000"}) + b"x" * 900_000))

    with pytest.raises(errors.ProviderRejectedRequest):
        speak(fake.provider())


def test_an_error_that_breaks_off_is_known_by_its_status(fake: DeepgramFake) -> None:
    fake.then(answers.closing(answers.raw(answers.head(402, {"Content-Length": "100"}) + b"x")))

    with pytest.raises(errors.ProviderRejectedCredentials):
        speak(fake.provider())


def test_audio_without_a_length_is_taken_when_it_is_long_enough(fake: DeepgramFake) -> None:
    fake.then(answers.close_delimited(SOUND * 10), answers.close_delimited(SOUND))
    provider = fake.provider()

    assert speak(provider) == SOUND * 10
    with pytest.raises(errors.ProviderError, match="less audio"):
        speak(provider)


@pytest.mark.parametrize("audio_format", ["mp3", "opus"])
def test_the_length_of_compressed_audio_is_not_guessed(fake: DeepgramFake, audio_format: str) -> None:
    provider = fake.provider()
    asked = request(provider, audio_format, {"mp3": 22050, "opus": 48000}[audio_format], text="Hello " * 50)
    sound = speak(provider, asked)
    fake.then(answers.close_delimited(sound, "audio/mpeg" if audio_format == "mp3" else "audio/ogg"))

    assert speak(provider, asked) == sound


@pytest.mark.parametrize(
    "content_type", ["", "AUDIO/L16; Rate=24000", "audio/pcm", "audio/x-new", "binary/octet-stream"]
)
def test_raw_audio_goes_by_many_names(fake: DeepgramFake, content_type: str) -> None:
    fake.then(answers.whole(SOUND, content_type))

    assert speak(fake.provider()) == SOUND


def fail(fake: DeepgramFake, provider: Deepgram, times: int, code: int = 501, **query: Any) -> None:
    for _ in range(times):
        fake.then(answers.status(code))
        with pytest.raises(errors.ProviderError):
            speak(provider, request(provider, **query))


def test_a_vendor_that_keeps_failing_is_left_alone(fake: DeepgramFake) -> None:
    provider = fake.provider()
    fail(fake, provider, FAILURES)
    started = time.monotonic()

    for call in (lambda: speak(provider), lambda: provider.list_voices(Deadline.after(5))):
        with pytest.raises(errors.ProviderError) as caught:
            call()
        assert 1 <= (caught.value.retry_after or 0) <= 5

    assert time.monotonic() - started < 4
    assert len(fake.hits) == FAILURES
    assert speak(provider, request(provider, auth=OWN)) == fake.sent[0], "the caller's own account is not ours"


def test_retries_count_too(fake: DeepgramFake) -> None:
    provider = fake.provider()
    fake.then(*[answers.status(503)] * FAILURES)

    for _ in range(FAILURES // 2 + 1):
        with pytest.raises(errors.ProviderError):
            speak(provider)

    assert len(fake.hits) == FAILURES


@pytest.mark.parametrize("code", [400, 401, 404, 302, 429])
def test_a_vendor_that_refuses_is_not_failing(fake: DeepgramFake, code: int) -> None:
    provider = fake.provider()
    headers = {"Retry-After": "9"}
    for _ in range(FAILURES + 1):
        fake.then(answers.status(code, headers=headers))
        with pytest.raises(errors.ProviderError):
            speak(provider)

    assert speak(provider) == fake.sent[0]


def test_failures_of_a_request_s_own_account_are_not_counted(fake: DeepgramFake) -> None:
    provider = fake.provider()
    fail(fake, provider, FAILURES + 1, auth=OWN)

    assert speak(provider) == fake.sent[0]


def test_the_impatience_of_callers_is_not_counted(fake: DeepgramFake) -> None:
    provider = fake.provider()
    for _ in range(FAILURES + 1):
        fake.then(answers.hang())
        with pytest.raises(errors.ProviderTimeout):
            speak(provider, request(provider, request_timeout=0.05))
    fake.forget()

    assert speak(provider) == fake.sent[0]


def test_time_outs_of_patient_callers_are_counted(fake: DeepgramFake) -> None:
    provider = fake.provider()
    provider.min_timeout_seconds = 0.01
    for _ in range(FAILURES):
        fake.then(answers.hang())
        with pytest.raises(errors.ProviderTimeout):
            speak(provider, request(provider, request_timeout=0.05))
    fake.forget()

    with pytest.raises(errors.ProviderError, match="keeps failing"):
        speak(provider)


def test_broken_streams_are_counted_until_a_whole_one(fake: DeepgramFake) -> None:
    provider = fake.provider()
    for _ in range(2):
        for _ in range(FAILURES - 1):
            fake.then(answers.close_early(SOUND, 100))
            with pytest.raises(errors.ProviderError):
                speak(provider)
        assert speak(provider) == fake.sent[-1]

    fake.then(*[answers.close_early(SOUND, 100)] * FAILURES)
    for _ in range(FAILURES + 1):
        with pytest.raises(errors.ProviderError):
            speak(provider)
    assert len(fake.hits) == 2 * FAILURES + FAILURES


def test_a_stream_that_is_left_is_not_counted(fake: DeepgramFake) -> None:
    provider = fake.provider()
    for _ in range(FAILURES + 1):
        fake.then(answers.hang_in_body())
        stream = provider.synthesize(request(provider))
        next(stream.chunks)
        stream.close()
        with pytest.raises(errors.ProviderError):
            next(stream.chunks)

    assert speak(provider) == fake.sent[0]


def test_a_successful_catalogue_ends_the_count(fake: DeepgramFake) -> None:
    provider = fake.provider()
    fail(fake, provider, FAILURES - 1)
    provider.list_voices(Deadline.after(5))
    fail(fake, provider, FAILURES - 1)

    assert speak(provider) == fake.sent[0]
