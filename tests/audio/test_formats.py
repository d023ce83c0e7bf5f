import pytest

from sayna.audio import ALIASES, FORMATS, SAMPLE_RATES, canonical, content_type, resolve, streams
from sayna.audio.spec import AudioSpec
from sayna.errors import UnsupportedFormat


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_its_own_canonical_name_in_any_case(name: str) -> None:
    assert canonical(name) == canonical(name.upper()) == name


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_means_a_format(alias: str, name: str) -> None:
    assert canonical(alias) == name


@pytest.mark.parametrize("name", ["aac", "", "mp3 ", "wav\n", "ulaw8000"])
def test_an_unknown_format_is_refused_by_naming_the_known_ones(name: str) -> None:
    with pytest.raises(UnsupportedFormat) as refused:
        canonical(name)
    assert all(known in refused.value.message for known in (*FORMATS, *ALIASES))


@pytest.mark.parametrize(("name", "rate"), [(f, 8000 if "law" in f else 24000) for f in FORMATS])
def test_an_omitted_rate_is_24_khz_and_8_khz_on_the_telephone(name: str, rate: int) -> None:
    assert resolve(name, None) == AudioSpec(name, rate, 1)


@pytest.mark.parametrize("rate", [0, -8000, 11025, 24001, 96000])
def test_an_unknown_rate_is_refused_by_naming_the_known_ones(rate: int) -> None:
    with pytest.raises(UnsupportedFormat) as refused:
        resolve("wav", rate)
    assert all(str(known) in refused.value.message for known in SAMPLE_RATES)


@pytest.mark.parametrize("name", [f for f in FORMATS if f != "opus"])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_every_rate_is_kept(name: str, rate: int) -> None:
    assert resolve(name, rate) == AudioSpec(name, rate, 1)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (8000, 8000),
        (16000, 16000),
        (22050, 24000),
        (24000, 24000),
        (32000, 48000),
        (44100, 48000),
        (48000, 48000),
    ],
)
def test_opus_takes_the_next_rate_it_has(asked: int, given: int) -> None:
    assert resolve("ogg", asked) == AudioSpec("opus", given, 1)


@pytest.mark.parametrize(
    ("name", "rate", "media_type"),
    [
        ("linear16", 24000, "audio/pcm"),
        ("wav", 24000, "audio/wav"),
        ("mp3", 24000, "audio/mpeg"),
        ("opus", 24000, "audio/ogg"),
        ("flac", 24000, "audio/flac"),
        ("mulaw", 8000, "audio/basic"),
        ("mulaw", 16000, "audio/basic;rate=16000"),
        ("alaw", 8000, "audio/x-alaw-basic"),
        ("alaw", 44100, "audio/x-alaw-basic;rate=44100"),
        ("wav-mulaw", 8000, "audio/wav"),
        ("wav-alaw", 16000, "audio/wav"),
    ],
)
def test_the_content_type_says_what_the_bytes_are(name: str, rate: int, media_type: str) -> None:
    assert content_type(AudioSpec(name, rate)) == media_type


def test_formats_with_their_length_in_front_are_not_streamed() -> None:
    assert [name for name in FORMATS if not streams(resolve(name, None))] == ["wav", "flac", "wav-mulaw", "wav-alaw"]
