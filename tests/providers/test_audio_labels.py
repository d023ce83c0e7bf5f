"""The bytes of a vendor decide what it sent; a label can only contradict them."""

import base64
import struct
from collections.abc import Iterator

import pytest

from sayna import errors
from sayna.audio import convert, duration_ms, resolve
from sayna.audio.ogg import checksum
from sayna.audio.spec import AudioSpec
from tests.audio.sounds import HERTZ, heard, sine, written
from tests.audio.test_sniff import TEXTS
from tests.wire import VendorFake, answers
from tests.wire.asking import request, speak
from tests.wire.fakes import CLOUD, fake_of, having
from tests.wire.google import GoogleFake

PIECES = having("streams")
FIXED = [slug for slug in PIECES if slug != "polly" and not fake_of(slug).is_rate_open]
LABELS = [
    (slug, name, number)
    for slug in CLOUD
    for name, known in fake_of(slug).labels.items()
    for number in range(len(known))
]
PCM = AudioSpec("linear16", 24000)
TEXT = "Hello there"
WAV = written(sine(24000, 0.6), AudioSpec("wav", 24000))
SAMPLES = sine(16000, 0.6).tobytes()
# The last one is the length of a first piece (github.com/inworld-ai/inworld-api-examples/issues/21).
PLACEHOLDERS = [0, 0x7FFFFFFF, 0xFFFFFFFF, 2_000_000_000, 0x7FFFFFFF - 36, 10**6, len(WAV) - 43, 4800]
RAW_LABELS = ["", "audio/basic", "audio/pcm", "application/octet-stream", "audio/l16"]


@pytest.fixture(params=PIECES)
def fake(request: pytest.FixtureRequest) -> Iterator[VendorFake]:
    with fake_of(request.param)() as fake:
        yield fake


def announcing(size: int, wav: bytes = WAV) -> bytes:
    """Return the WAV with another length in its header."""
    return wav[:4] + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + wav[8:40] + struct.pack("<I", size) + wav[44:]


def assert_heard(data: bytes, spec: AudioSpec = PCM, seconds: float = 0.6) -> None:
    sound = heard(data, spec)
    assert sound.hertz == pytest.approx(HERTZ, abs=5)
    assert sound.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(("slug", "name", "number"), LABELS)
@pytest.mark.parametrize("wanted", ["linear16", "mp3", "mulaw"])
def test_every_known_label_is_taken(slug: str, name: str, number: int, wanted: str) -> None:
    with fake_of(slug)() as fake:
        fake.label = number
        settings = {"response_format": "pcm"} if (slug, name) == ("openai", "linear16") else {}
        target = resolve(wanted, None)
        asked = request(fake.provider(), wanted, target.sample_rate, text=TEXT, voice_settings=settings)

        sound = heard(speak(fake.provider(), asked), target)

    assert sound.hertz == pytest.approx(HERTZ, abs=5)
    assert sound.seconds == pytest.approx(0.3 + 0.03 * len(TEXT), abs=0.2)


@pytest.mark.parametrize("label", ["audio/x-wav", "audio/basic"])
@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_wav_of_any_announced_length_is_read(fake: VendorFake, size: int, label: str) -> None:
    fake.then(answers.chunked([announcing(size)[:1000], announcing(size)[1000:]], label))

    assert_heard(speak(fake.provider()))


def test_first_samples_of_a_wav_do_not_wait_for_the_last(fake: VendorFake) -> None:
    fake.then(answers.hang_after(answers.head(200, {"Content-Type": "audio/x-wav", "Content-Length": "99999"}) + WAV))
    provider = fake.provider()
    stream = provider.synthesize(request(provider))

    assert stream.spec.audio_format == "wav"
    assert next(stream.chunks).startswith(b"RIFF")
    stream.close()


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
@pytest.mark.parametrize("wanted", ["linear16", "mulaw", "mp3"])
def test_another_container_than_asked_for_is_converted(fake: VendorFake, name: str, wanted: str) -> None:
    fake.then(answers.whole(written(sine(16000, 0.6), AudioSpec(name, 16000)), "application/octet-stream"))
    target = resolve(wanted, None)

    assert_heard(speak(fake.provider(), request(fake.provider(), wanted, target.sample_rate)), target)


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
@pytest.mark.parametrize("wanted", ["linear16", "wav", "mp3"])
def test_file_for_each_sentence_is_one_sound(name: str, wanted: str) -> None:
    """As Kokoro-FastAPI did (#57, #94); DeepInfra leaves only the first of the mp3 headers."""
    with fake_of("openai")() as fake:
        one = written(sine(24000, 0.6), AudioSpec(name, 24000))
        fake.then(answers.chunked([one[:900], one[900:] + one], ""))

        data = speak(fake.provider(), request(fake.provider(), wanted, 24000))

    target = resolve(wanted, 24000)
    # libsndfile only estimates the length of an mp3 that does not state it, so it is decoded as a stream here.
    assert duration_ms(data, target) == pytest.approx(1250, abs=100)
    assert_heard(b"".join(convert(iter([data]), target, PCM)), seconds=1.25)
    assert b"Info" not in data[:100]


@pytest.mark.parametrize("missing", [2, 100])
def test_mp3_whose_last_frame_is_cut_is_played(missing: int) -> None:
    """As shine writes it (github.com/toots/shine/issues/37)."""
    with fake_of("openai")() as fake:
        one = written(sine(24000, 0.6), AudioSpec("mp3", 24000))[:-missing]
        fake.then(answers.chunked([one[:900], one[900:901], one[901:]], "audio/mpeg"))

        assert_heard(speak(fake.provider()), seconds=0.6)


@pytest.mark.parametrize("label", ["audio/ogg", "audio/aac", "audio/webm", "video/mp4", "image/png", "audio/mp4"])
@pytest.mark.parametrize("slug", FIXED)
def test_label_of_another_container_is_refused(slug: str, label: str) -> None:
    with fake_of(slug)() as fake:
        fake.then(answers.whole(WAV[44:], label), answers.whole(WAV, label))
        for _ in range(2):
            with pytest.raises(errors.ProviderError):
                speak(fake.provider())


@pytest.mark.parametrize(
    "label", ["text/html", "TEXT/plain; charset=utf-8", "application/json", "application/problem+json", "text/xml"]
)
def test_label_of_text_is_refused_before_any_audio(fake: VendorFake, label: str) -> None:
    fake.then(answers.whole(WAV, label))

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())


@pytest.mark.parametrize("label", [*RAW_LABELS, "audio/mpeg", "audio/wav"])
@pytest.mark.parametrize("text", [text.ljust(4096) for text in TEXTS])
@pytest.mark.parametrize("slug", ["deepgram", "openai"])
def test_text_is_never_audio_whatever_its_label(slug: str, label: str, text: bytes) -> None:
    with fake_of(slug)() as fake:
        provider = fake.provider()
        for wanted in ("linear16", "mulaw", "mp3"):
            fake.then(answers.whole(text, label))
            with pytest.raises(errors.ProviderError):
                speak(provider, request(provider, wanted, 22050 if wanted == "mp3" else 8000))


@pytest.mark.parametrize("label", ["audio/l16;rate=11025", 'audio/pcm; rate="12000"', "audio/pcm; samplerate=20000"])
@pytest.mark.parametrize("slug", FIXED)
def test_rate_that_contradicts_is_an_error(slug: str, label: str) -> None:
    with fake_of(slug)() as fake:
        fake.then(answers.whole(SAMPLES, label))
        provider = fake.provider()
        with pytest.raises(errors.ProviderError):
            speak(provider, request(provider, "linear16", 48000))


def test_two_channels_of_samples_are_an_error(fake: VendorFake) -> None:
    fake.then(answers.whole(WAV[44:], "audio/l16;rate=24000;channels=2"))

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())


@pytest.mark.parametrize("label", ["audio/pcm;bitrate=64000", "audio/pcm; codecs=pcm; rate={}", "audio/pcm;rate="])
@pytest.mark.parametrize("slug", FIXED)
def test_other_parameters_are_no_rate(slug: str, label: str) -> None:
    with fake_of(slug)() as fake:
        provider = fake.provider()
        rate = provider.native(AudioSpec("linear16", 48000)).sample_rate
        fake.then(answers.whole(SAMPLES, label.format(rate)))
        assert speak(provider, request(provider, "linear16", rate)) == SAMPLES


def without_last_flag(data: bytes) -> bytes:
    """Return an Ogg stream whose last page does not say that it is the last, with a true checksum."""
    last = data.rfind(b"OggS")
    page = bytearray(data[last:])
    page[5], page[22:26] = page[5] & ~4, bytes(4)
    page[22:26] = checksum(page).to_bytes(4, "little")
    return data[:last] + bytes(page)


OPUS = written(sine(48000, 4), AudioSpec("opus", 48000))


@pytest.mark.parametrize("label", ["audio/ogg", "application/octet-stream"])
def test_ogg_without_its_last_flag_is_whole_when_framed(fake: VendorFake, label: str) -> None:
    endless = OPUS[: OPUS.rfind(b"OggS")]
    fake.then(answers.whole(without_last_flag(OPUS), label), answers.chunked([endless], label))

    assert_heard(speak(fake.provider()), seconds=4)
    assert_heard(speak(fake.provider()), seconds=3.53)


CUT = {
    "unframed without its flag": answers.close_delimited(without_last_flag(OPUS), "audio/ogg"),
    "unframed between pages": answers.close_delimited(OPUS[: OPUS.rfind(b"OggS")], "audio/ogg"),
    "framed within a page": answers.whole(OPUS[:-50], "audio/ogg"),
    "short of its length": answers.close_early(OPUS, OPUS.rfind(b"OggS"), "audio/ogg"),
    "wav unframed and short": answers.close_delimited(WAV[:-2000], "audio/x-wav"),
    "wav unframed without a length": answers.close_delimited(announcing(0)[:500], "audio/x-wav"),
    "wav short of its length": answers.close_early(WAV, len(WAV) - 2000, "audio/x-wav"),
    "chunks without an end": answers.closing(
        answers.raw(answers.head(200, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%b\r\n" % (len(WAV), WAV))
    ),
}


@pytest.mark.parametrize("cut", CUT)
def test_cut_audio_is_an_error(fake: VendorFake, cut: str) -> None:
    fake.then(CUT[cut])

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())


def test_unframed_audio_that_is_whole_is_taken(fake: VendorFake) -> None:
    long = announcing(0, written(sine(24000, 2), AudioSpec("wav", 24000)))
    fake.then(answers.close_delimited(WAV, "audio/x-wav"), answers.close_delimited(long, "audio/x-wav"))
    fake.then(answers.close_delimited(OPUS, "audio/ogg"))

    for seconds in (0.6, 2, 4):
        assert_heard(speak(fake.provider()), seconds=seconds)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("label", ["audio/pcm;rate={}", "audio/L16; rate={}; channels=1", "audio/x-pcm;samplerate={}"])
@pytest.mark.parametrize("response_format", ["wav", "pcm"])
def test_rate_of_an_openai_like_server_is_taken(rate: int, label: str, response_format: str) -> None:
    with fake_of("openai")() as fake:
        fake.then(answers.chunked([sine(rate, 0.6).tobytes()], label.format(rate)))
        asked = request(fake.provider(), voice_settings={"response_format": response_format})

        assert_heard(speak(fake.provider(), asked))


def test_samples_of_an_unknown_rate_are_refused() -> None:
    with fake_of("openai")() as fake:
        fake.then(answers.whole(WAV[44:], "audio/pcm"))
        with pytest.raises(errors.ProviderError):
            speak(fake.provider())


@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_google_wav_of_any_announced_length_is_read(size: int) -> None:
    with GoogleFake() as fake:
        fake.then(answers.as_json({"audioContent": base64.b64encode(announcing(size)).decode()}))
        assert_heard(speak(fake.provider()))


@pytest.mark.parametrize("name", ["mp3", "opus", "flac"])
@pytest.mark.parametrize("wanted", ["linear16", "mp3"])
def test_google_container_is_told_by_its_bytes(name: str, wanted: str) -> None:
    with GoogleFake() as fake:
        sent = written(sine(16000, 0.6), AudioSpec(name, 16000))
        fake.then(answers.as_json({"audioContent": base64.b64encode(sent).decode()}))
        assert_heard(speak(fake.provider(), request(fake.provider(), wanted)), resolve(wanted, 24000))
