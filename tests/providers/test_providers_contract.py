"""What every provider promises, whichever it is; a new cloud vendor brings tests/wire/<slug>.py."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sayna import audio, errors
from sayna.engines.pool import EnginePool
from sayna.http import Deadline
from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider
from sayna.providers.espeak import Espeak, EspeakConfig
from sayna.providers.hibari import Hibari, HibariConfig
from sayna.providers.piper import Piper, PiperConfig
from sayna.speech.voices.languages import names
from sayna.speech.voices.normalize import normalize
from tests.audio.sounds import HERTZ, heard
from tests.providers.piper.voices import install
from tests.wire import VendorFake, answers
from tests.wire.asking import TEXT, plan, request, resolved, speak
from tests.wire.fakes import CLOUD, fake_of, having
from tests.wire.server import Answer

WISHES = [(name, rate) for name in audio.FORMATS for rate in audio.SAMPLE_RATES]
TARGET = resolved("linear16", 24000)
SOUND = b"\1\2" * 5000


def cloud(trait: str) -> pytest.MarkDecorator:
    """Only the vendors whose fakes say so."""
    return pytest.mark.parametrize("fake", having(trait), indirect=True)


@pytest.fixture(params=CLOUD)
def fake(request: pytest.FixtureRequest) -> Iterator[VendorFake]:
    with fake_of(request.param)() as fake:
        yield fake


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, engines_folder: Path) -> Iterator[Callable[[str], TTSProvider]]:
    """The providers of this machine, each made once for all tests: a neural model takes seconds to load."""
    voices = tmp_path_factory.mktemp("voices")

    @cache
    def engine(slug: str) -> TTSProvider:
        if slug == "piper":
            install(voices)
            provider: Espeak | Piper | Hibari = Piper(PiperConfig(voices))
        elif slug == "hibari":
            provider = Hibari(HibariConfig())
        else:
            assert slug == "espeak", "a provider that is no cloud vendor needs its line here"
            provider = Espeak(EspeakConfig(enabled=True))
        provider.pool = EnginePool(engines_folder)
        opened.callback(provider.close)
        return provider

    with ExitStack() as opened:
        yield engine


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest, engines: Callable[[str], TTSProvider]) -> Iterator[TTSProvider]:
    if request.param in CLOUD:
        with fake_of(request.param)() as fake:
            yield fake.provider()
        return
    if request.param == "piper":
        pytest.importorskip("piper")
    if request.param == "hibari":
        request.getfixturevalue("natural_voice")
    yield engines(request.param)


@pytest.mark.parametrize(("audio_format", "sample_rate"), WISHES)
@pytest.mark.parametrize("provider", [slug for slug in PROVIDERS if slug not in CLOUD], indirect=True)
def test_engines_speak_every_format_and_rate(provider: TTSProvider, audio_format: str, sample_rate: int) -> None:
    target = resolved(audio_format, sample_rate)

    sound = heard(speak(provider, request(provider, audio_format, sample_rate, text="Hello there")), target)

    assert (sound.rate, sound.channels) == (target.sample_rate, 1)
    assert sound.seconds > 0.3
    assert sound.loudness > 0.01


@pytest.mark.parametrize(("audio_format", "sample_rate"), WISHES)
def test_what_is_heard_is_what_was_sent(fake: VendorFake, audio_format: str, sample_rate: int) -> None:
    target = resolved(audio_format, sample_rate)
    provider = fake.provider()

    data = speak(provider, request(provider, audio_format, sample_rate, text="Hello there"))

    sound = heard(data, target)
    assert (sound.rate, sound.channels) == (target.sample_rate, 1)
    assert sound.loudness > 0.01
    assert sound.hertz == pytest.approx(HERTZ, abs=5)
    assert sound.seconds == pytest.approx(
        0.3 + 0.03 * len("Hello there"), abs=0.2
    )  # MP3 pads; the pitch tells a wrong rate
    if (audio_format, sample_rate) in fake.natives:
        assert data == fake.sent[0], "what the vendor makes itself passes through unchanged"


def test_a_text_arrives_intact_and_is_sent_once(fake: VendorFake) -> None:
    speak(fake.provider())

    assert fake.texts == [TEXT]
    assert len(fake.hits) == 1


@cloud("streams")
def test_the_first_audio_does_not_wait_for_the_last(fake: VendorFake) -> None:
    arrived = threading.Event()
    sound = fake.beginning + SOUND
    fake.then(answers.split(sound, SOUND, lambda: arrived.wait(30), "application/octet-stream"))
    provider = fake.provider()
    chunks = provider.synthesize(request(provider)).chunks

    assert sound.startswith(next(chunks))
    arrived.set()
    assert sum(map(len, chunks)) > 0


@cloud("streams")
def test_closing_a_stream_wakes_its_reader_and_frees_the_vendor(fake: VendorFake) -> None:
    fake.then(answers.hang_in_body("application/octet-stream", fake.beginning))
    provider = fake.provider()
    stream = provider.synthesize(request(provider))
    next(stream.chunks)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(next, stream.chunks)
        stream.close()
        with pytest.raises(errors.ProviderError):
            reading.result(20)
    assert fake.left.wait(30)


FAILURES: dict[str, tuple[Answer, type[errors.ProviderError], int]] = {
    "reset": (answers.reset(), errors.ProviderError, 2),
    "garbage": (answers.garbage(), errors.ProviderError, 1),
    "long header": (answers.long_header(), errors.ProviderError, 1),
    "redirect": (answers.redirect("http://127.0.0.1:1/"), errors.ProviderError, 1),
    "html": (answers.html(), errors.ProviderError, 1),
    "json": (answers.as_json({"error": "CANARY"}), errors.ProviderError, 1),
    "video": (answers.whole(SOUND, "audio/aac"), errors.ProviderError, 1),
    "gzip": (answers.gzip_bomb(1), errors.ProviderError, 1),
    "reset midway": (answers.reset_after(SOUND, "application/octet-stream"), errors.ProviderError, 1),
    "close early": (answers.close_early(SOUND, 5000, "application/octet-stream"), errors.ProviderError, 1),
    "short without length": (
        answers.close_delimited(SOUND[:200], "application/octet-stream"),
        errors.ProviderError,
        1,
    ),
    **{str(code): (answers.status(code), errors.ProviderRejectedRequest, 1) for code in (400, 404, 413, 415, 422)},
    **{str(code): (answers.status(code), errors.ProviderRejectedCredentials, 1) for code in (401, 402, 403)},
    **{str(code): (answers.status(code), errors.ProviderError, 2) for code in (500, 502, 503, 504)},
    **{str(code): (answers.status(code), errors.ProviderError, 1) for code in (201, 204, 409, 418, 501)},
    "429": (answers.too_many(), errors.ProviderRateLimited, 2),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_named_and_tells_nothing(fake: VendorFake, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    answer, expected, calls = FAILURES[failure]
    fake.then(answer, answer)
    provider = fake.provider("good-canary-key")

    with caplog.at_level("DEBUG"), pytest.raises(errors.ProviderError) as caught:
        speak(provider)

    assert type(caught.value) is expected
    assert len(fake.hits) == fake.calls.get(failure, calls)
    told = caught.value.message + caplog.text + str([vars(record) for record in caplog.records])
    for secret in ("CANARY", "good-canary-key", "Jerry"):
        assert secret not in told


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/html"])
def test_an_empty_answer_is_no_audio(fake: VendorFake, content_type: str) -> None:
    fake.then(answers.whole(b"", content_type))

    with pytest.raises((errors.ProviderError, audio.ImplausibleAudio)):
        speak(fake.provider())


@pytest.mark.parametrize("begun", [False, True])
def test_a_silent_vendor_is_asked_once_and_given_up_in_time(fake: VendorFake, begun: bool) -> None:
    provider = fake.provider()
    # A first call loads libraries and gets tokens, so that the second has its whole second for the vendor.
    speak(provider)
    fake.hits.clear()
    midway = answers.hang_in_body("application/octet-stream", fake.beginning)
    fake.then(midway if begun else answers.hang())

    # On a busy machine the second may be over before the vendor is asked.
    while not fake.hits:
        started = time.monotonic()
        with pytest.raises(errors.ProviderTimeout):
            speak(provider, request(provider, request_timeout=1))

    assert time.monotonic() - started < 20
    assert len(fake.hits) == 1


@pytest.mark.parametrize(
    "answer", [answers.reset(), answers.closing(answers.raw(b"")), answers.too_many("0"), answers.status(503)]
)
def test_one_failure_before_the_audio_is_not_noticed(fake: VendorFake, answer: Answer) -> None:
    fake.then(answer)

    assert speak(fake.provider()) == fake.delivered(TARGET)
    assert len(fake.hits) == 2


def test_a_vendor_that_is_not_there_is_named(fake: VendorFake) -> None:
    provider = fake.provider()
    fake.__exit__(None, None, None)

    with pytest.raises(errors.ProviderError) as caught:
        speak(provider)
    assert type(caught.value) is errors.ProviderError


@pytest.mark.parametrize("key", ["bad", "poor"])
def test_the_server_s_own_refused_key_is_its_own_failure(fake: VendorFake, key: str) -> None:
    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(fake.provider(key))

    assert (caught.value.status, len(fake.hits)) == (500, 1)


@pytest.mark.parametrize("key", ["bad", "poor"])
def test_a_refused_key_of_the_request_is_the_caller_s_failure(fake: VendorFake, key: str) -> None:
    provider = fake.provider("server-key")

    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider, request(provider, auth=fake.credentials(key)))

    assert (caught.value.status, len(fake.hits)) == (400, 1)
    assert "server-key" not in str(fake.hits)


@cloud("needs_key")
def test_a_vendor_without_a_key_works_with_the_request_s_own(fake: VendorFake) -> None:
    provider = fake.provider(None)

    assert not provider.configured
    assert speak(provider, request(provider, auth=fake.credentials("good"))) == fake.delivered(TARGET)
    with pytest.raises(errors.ProviderNotConfigured):
        provider.list_voices(Deadline.after(5))


def test_a_busy_vendor_is_asked_once_more(fake: VendorFake) -> None:
    assert speak(fake.provider("busy")) == fake.delivered(TARGET)
    assert len(fake.hits) == 2


@pytest.mark.parametrize("fake", ["deepgram", "elevenlabs", "google", "cartesia", "polly"], indirect=True)
@pytest.mark.parametrize("refusal", [400, 403])
def test_a_refused_high_rate_is_replaced_by_the_vendors_own(fake: VendorFake, refusal: int) -> None:
    provider = fake.provider()
    fake.then(answers.status(refusal))
    for _ in range(2):
        asked = request(provider, "wav", 48000)
        assert heard(speak(provider, asked), asked.target).hertz == pytest.approx(HERTZ, rel=0.05)

    # The second request is at the vendor's own rate at once.
    assert {spec.sample_rate for spec in fake.specs} == {provider.native(TARGET).sample_rate}
    assert len(fake.specs) == 2
    assert provider.check() == "ok"


@pytest.mark.parametrize("fake", ["deepgram", "elevenlabs", "google", "cartesia", "polly"], indirect=True)
def test_refused_high_rate_says_nothing_about_the_key(fake: VendorFake) -> None:
    provider = fake.provider()
    fake.then(answers.status(403))

    # The client leaves before the audio ends.
    provider.synthesize(request(provider, "wav", 48000)).close()

    assert provider.check() == "ok"


@pytest.mark.parametrize("field", ["voice_id", "model"])
def test_no_name_of_a_caller_reaches_another_page_of_the_vendor(fake: VendorFake, field: str) -> None:
    provider = fake.provider()
    anywhere = ("x&y=z", "../x", "a/b", "a b", "a\r\nb", "%2e%2e", "x#y", "x?y")

    voices = {*anywhere, *fake.hostile} - fake.odd_voices
    refused = set(anywhere) - fake.odd_models if field == "model" else voices
    for name in refused:
        with pytest.raises(errors.InvalidRequest):
            plan(provider, **{field: name})

    assert fake.hits == []


def test_the_speaking_rate_is_clamped_to_what_the_vendor_can_do(fake: VendorFake) -> None:
    provider = fake.provider()

    asked = [request(provider, speaking_rate=rate) for rate in (0.25, 1.0, 4.0)]

    assert [one.speaking_rate for one in asked] == [provider.rates[0], 1.0, provider.rates[1]]
    for one in asked:
        speak(provider, one)


def test_known_voice_settings_are_understood_by_the_vendor(fake: VendorFake) -> None:
    provider = fake.provider()

    speak(provider, request(provider, voice_settings=fake.good_settings))

    sent = fake.hits[0].query + fake.hits[0].body.decode()
    assert all(fake.on_wire.get(name, name) in sent for name in fake.good_settings)


def test_wrong_voice_settings_are_refused_without_a_call(fake: VendorFake) -> None:
    for settings in fake.bad_settings:
        with pytest.raises(errors.InvalidRequest):
            plan(fake.provider(), voice_settings=settings)
    assert fake.hits == []


def test_the_catalogue_has_the_default_voice(provider: TTSProvider) -> None:
    voices = normalize(provider.list_voices(Deadline.after(10)), provider)

    assert provider.resolve_voice("", "", "")[0] in {voice.id for voice in voices}
    for voice in voices:
        assert all((voice.id, voice.name, voice.accent, voice.language))
        assert voice.provider == provider.slug
        assert voice.gender in ("Male", "Female", "Neutral", "Unknown")


def test_accents_of_every_vendor_are_one_vocabulary(provider: TTSProvider) -> None:
    accents = {voice.accent for voice in normalize(provider.list_voices(Deadline.after(10)), provider)}
    known = {names_of_region[0] for names_of_region in names()["regions"].values()}
    assert accents
    assert accents <= known | set(names()["finer"].values()) | {"Unknown"}


WRONG_CATALOGUES: dict[str, Any] = {"null": None, "number": 7, "list": [], "error": {"error": "CANARY"}}


@pytest.mark.parametrize("value", WRONG_CATALOGUES.values(), ids=WRONG_CATALOGUES)
def test_a_catalogue_of_another_shape_is_an_error(fake: VendorFake, value: object) -> None:
    fake.then(answers.as_json(value))
    if value == [] and fake.bare_catalogue:
        assert fake.provider().list_voices(Deadline.after(5)) == []
        return

    with pytest.raises(errors.ProviderError):
        fake.provider().list_voices(Deadline.after(5))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answers.html(), errors.ProviderError),
        (answers.whole(b"[" * 100_000, "application/json"), errors.ProviderError),
        (answers.close_early(b"{}", 1), errors.ProviderError),
        (answers.hang(), errors.ProviderTimeout),
        (answers.hang_in_body("application/json"), errors.ProviderTimeout),
        (answers.status(401), errors.ProviderRejectedCredentials),
    ],
)
def test_a_catalogue_that_fails_is_an_error(
    fake: VendorFake, answer: Answer, expected: type[errors.ProviderError]
) -> None:
    fake.then(answer, answer)
    # Only what waits for the deadline has a short one: others may take long on a busy machine.
    seconds = 0.4 if expected is errors.ProviderTimeout else 20

    with pytest.raises(errors.ProviderError) as caught:
        fake.provider().list_voices(Deadline.after(seconds))
    assert type(caught.value) is expected
