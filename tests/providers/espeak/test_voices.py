import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.espeak import Espeak
from sayna.providers.espeak.voice_table import SILENT
from tests.providers.espeak.listening import SENTENCE, pitch, request, samples, seconds


def test_every_listed_voice_speaks(shared: Espeak) -> None:
    listed = shared.list_voices(Deadline.after(5))

    assert len(listed) > 130
    assert [voice.id for voice in listed if seconds(shared, "Hello, 1 2 3.", voice.id) < 0.3] == []


def test_every_voice_id_and_name_that_is_listed_passes_the_whitelist(shared: Espeak) -> None:
    for voice in shared.list_voices(Deadline.after(5)):
        assert shared.voice_pattern.fullmatch(voice.id)
        assert shared.voice_pattern.fullmatch(voice.name)
        assert shared.voice_pattern.fullmatch(f"{voice.id}+Mr serious")


@pytest.mark.parametrize(
    "voice_id", ["../../etc/passwd", "gmw/..", "/etc/passwd", "a\nb", "en\0", "en+../f3", "", "+f3"]
)
def test_the_whitelist_lets_no_path_through(shared: Espeak, voice_id: str) -> None:
    assert not shared.voice_pattern.fullmatch(voice_id)


@pytest.mark.parametrize("voice", SILENT)
def test_a_voice_whose_dictionary_the_wheel_lacks_is_unknown(shared: Espeak, voice: str) -> None:
    with pytest.raises(errors.ProviderRejectedRequest):
        shared.synthesize(request("Hello", voice))


def test_languages_sound_different(shared: Espeak) -> None:
    lengths = {seconds(shared, "Information 1234", voice) for voice in ("en-us", "de", "fr-FR", "cmn", "ru")}

    assert len({round(length, 1) for length in lengths}) >= 4


def test_a_variant_changes_the_voice(shared: Espeak) -> None:
    assert pitch(samples(shared, SENTENCE, "en-us+f3")) > 1.2 * pitch(samples(shared, SENTENCE, "en-us+m1"))


def test_every_variant_is_selectable(shared: Espeak) -> None:
    variants = shared._table(Deadline.after(5))._variants

    assert len(variants) > 100
    assert [name for name in variants if seconds(shared, "Hello", f"gmw/en-US+{name}") < 0.1] == []


@pytest.mark.parametrize("voice", ["gmw/xx", "klingon-of-kronos", "gmw/en-US+nosuch", "gmw"])
def test_an_unknown_voice_is_refused_with_the_way_to_the_list(shared: Espeak, voice: str) -> None:
    with pytest.raises(errors.ProviderRejectedRequest, match="GET /voices"):
        shared.synthesize(request("Hello", voice))
    assert seconds(shared, "Hello") > 0.2


def test_the_language_chooses_the_voice_when_none_is_named(shared: Espeak) -> None:
    assert shared.resolve_voice("", "", "de-DE") == ("gmw/de", "")
    assert shared.resolve_voice("", "", "EN-us") == ("gmw/en-US", "")
    assert shared.resolve_voice("", "", "") == ("gmw/en-US", "")
    assert shared.resolve_voice("roa/fr", "", "de") == ("roa/fr", "")
    with pytest.raises(errors.ProviderRejectedRequest, match="language"):
        shared.resolve_voice("", "", "qq")


def test_the_language_of_a_voice_is_told(shared: Espeak) -> None:
    assert shared.languages_of("gmw/en-US") == ("en-US",)
    assert shared.languages_of("roa/fr") == ("fr-FR", "fr")
    assert shared.languages_of("nosuch") == ()


def test_the_default_voice_never_needs_the_table(espeak: Espeak) -> None:
    b"".join(espeak.synthesize(request("Hello")).chunks)

    assert espeak.resolve_voice("", "", "en-US") == (espeak.default_voice, "")
    assert espeak.languages_of(espeak.default_voice) == ("en-US",)
    assert espeak._catalogue is None
