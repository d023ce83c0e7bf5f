import pytest

from sayna.providers.espeak.voice_table import EspeakVoices

TABLE = "\n".join([
    "gmw/en\tEnglish (Great Britain)\t2:en-gb 2:en",
    "gmw/en-US\tEnglish (America)\t2:en-us 3:en",
    "gmw/en-GB-scotland\tEnglish (Scotland)\t5:en-gb-scotland 4:en",
    "gmw/de\tGerman\t5:de",
    "roa/pt\tPortuguese (Portugal)\t5:pt 5:pt-pt",
    "roa/pt-BR\tPortuguese (Brazil)\t5:pt-br 6:pt",
    "roa/ca-ba\tCatalan (Balearic)\t5:ca-ba",
    "zle/ru-cl\tRussian (Classic)\t5:ru-cl",
    "sit/cmn\tChinese (Mandarin, latin as English)\t5:cmn 5:zh-cmn 5:zh",
    "sit/cmn-Latn-pinyin\tChinese (Mandarin, latin as Pinyin)\t5:cmn-latn-pinyin 5:zh-cmn 5:zh",
    "sit/yue\tChinese (Cantonese)\t5:yue 5:zh-yue 8:zh",
    "aav/vi-VN-x-central\tVietnamese (Central)\t5:vi-vn-x-central",
    "iro/chr\tCherokee \t5:chr-US-Qaaa-x-west",
    "gmq/fo\tFaroese\t5:fo",
    "Mr serious",
    "f3",
])  # fmt: skip


@pytest.fixture
def catalogue() -> EspeakVoices:
    return EspeakVoices(TABLE)


@pytest.mark.parametrize(
    ("voice_id", "identifier"),
    [
        ("gmw/de", "gmw/de"),
        ("GMW/EN-us", "gmw/en-US"),
        ("German", "gmw/de"),
        ("English (America)", "gmw/en-US"),
        ("en-gb", "gmw/en"),
        ("en", "gmw/en"),
        ("pt", "roa/pt"),
        ("cherokee", "iro/chr"),
        ("gmw/de+f3", "gmw/de+f3"),
        ("de+F3", "gmw/de+f3"),
        ("German+mr serious", "gmw/de+Mr serious"),
    ],
)
def test_a_voice_is_found_by_identifier_name_or_tag_in_any_case(
    catalogue: EspeakVoices, voice_id: str, identifier: str
) -> None:
    assert catalogue.identifier(voice_id) == identifier


@pytest.mark.parametrize("voice_id", ["", "+f3", "xx", "gmw", "gmw/de+", "gmw/de+nosuch", "gmw/de+f3+f3", "f3"])
def test_nothing_else_is_a_voice(catalogue: EspeakVoices, voice_id: str) -> None:
    assert catalogue.identifier(voice_id) is None


@pytest.mark.parametrize(
    ("language", "identifier"),
    [
        ("de", "gmw/de"),
        ("de-DE", "gmw/de"),
        ("DE-at-1996", "gmw/de"),
        ("en", "gmw/en-US"),
        ("en-GB", "gmw/en"),
        ("en-GB-scotland", "gmw/en-GB-scotland"),
        ("en-AU", "gmw/en-US"),
        ("pt-BR", "roa/pt-BR"),
        ("pt-PT", "roa/pt"),
        ("pt-AO", "roa/pt"),
        ("zh", "sit/cmn"),
        ("zh-Hans-CN", "sit/cmn"),
        ("cmn", "sit/cmn"),
        ("zh-HK", "sit/yue"),
        ("tlh", None),
        ("", None),
    ],
)
def test_the_voice_of_a_language_is_the_nearest_one(
    catalogue: EspeakVoices, language: str, identifier: str | None
) -> None:
    assert catalogue.for_language(language) == identifier


@pytest.mark.parametrize(
    ("voice_id", "tag"),
    [
        ("gmw/en-US", "en-US"),
        ("roa/pt", "pt"),
        ("roa/ca-ba", "ca"),
        ("zle/ru-cl", "ru"),
        ("sit/cmn-Latn-pinyin", "cmn-Latn-pinyin"),
        ("aav/vi-VN-x-central", "vi-VN-x-central"),
        ("iro/chr", "chr-US-Qaaa-x-west"),
        ("gmw/de+f3", "de"),
    ],
)
def test_the_language_of_a_voice_is_written_as_bcp_47_does(catalogue: EspeakVoices, voice_id: str, tag: str) -> None:
    assert catalogue.languages_of(voice_id)[0] == tag
    assert catalogue.languages_of("nosuch") == ()


def test_the_listing_tells_what_is_known_and_leaves_out_silent_voices(catalogue: EspeakVoices) -> None:
    voices = {voice.id: voice for voice in catalogue.listed()}

    assert "gmq/fo" not in voices
    american = voices["gmw/en-US"]
    assert (american.name, american.provider) == ("English (America)", "espeak")
    assert (american.language, american.gender) == ("English", "Unknown")
    assert american.languages == ("en-US", "en")
    assert american.sample_rates == (22050,)
    assert american.description.startswith("2 variants")
