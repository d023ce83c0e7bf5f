"""One function writes every tag as BCP 47 recommends; accents are one vocabulary."""

import re
import subprocess
import sys

import langcodes
import pytest

from sayna.speech.voices.accents import accent
from sayna.speech.voices.languages import COMMON, canonical, language_name, names, region_of, speaks, spoken


def test_common_tag_is_what_the_registry_recommends() -> None:
    languages, regions = (set(re.findall("[a-z]{2}|[A-Z]{2}", group)) for group in COMMON.pattern.split(")(-("))
    tags = {f"{language}-{region}" for language in languages for region in regions} | languages
    assert len(tags) > 200
    assert all(COMMON.fullmatch(tag) and langcodes.standardize_tag(tag, macro=True) == tag for tag in tags)


def test_common_tag_needs_no_registry() -> None:
    asked = "from sayna.speech.voices.languages import canonical; canonical('en-US'); import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert "sayna.speech.voices.languages" in loaded
    assert "langcodes" not in loaded


@pytest.mark.parametrize(
    ("given", "tag", "language", "region"),
    [
        ("en", "en", "English", ""),
        ("EN_us", "en-US", "English", "US"),
        (" en-GB\t", "en-GB", "English", "GB"),
        ("\u00a0de_DE\u2003", "de-DE", "German", "DE"),
        ("eng", "en", "English", ""),
        ("deu", "de", "German", ""),
        ("ger-AT", "de-AT", "German", "AT"),
        ("cmn-CN", "zh-CN", "Chinese", "CN"),
        ("zh-hant-tw", "zh-Hant-TW", "Chinese", "TW"),
        ("arb", "ar", "Arabic", ""),
        ("es-419", "es-419", "Spanish", "419"),
        ("sr-Latn-RS", "sr-Latn-RS", "Serbian", "RS"),
        ("sh", "sr-Latn", "Serbian", ""),
        ("nb-NO", "nb-NO", "Norwegian Bokmål", "NO"),
        ("iw-IL", "he-IL", "Hebrew", "IL"),
        ("yue-HK", "yue-HK", "Cantonese", "HK"),
        ("en-UK", "en-GB", "English", "GB"),
        ("ja-Jpan", "ja", "Japanese", ""),
        ("en-029", "en-029", "English", "029"),
        ("vi-VN-x-central", "vi-VN-x-central", "Vietnamese", "VN"),
        ("en-gb-x-rp", "en-GB-x-rp", "English", "GB"),
        ("en-us-nyc", "en-US-nyc", "English", "US"),
        ("zh-CN-liaoning", "zh-CN-liaoning", "Chinese", "CN"),
        ("qqx", "qqx", "", ""),
        ("English", "", "", ""),
        ("", "", "", ""),
        ("en us", "", "", ""),
        ("en-", "", "", ""),
        ("<b>", "", "", ""),
        ("e" + "n" * 100_000, "", "", ""),
        ("en" + "-aa" * 50_000, "", "", ""),
    ],
)
def test_tags_are_canonical_and_have_english_names(given: str, tag: str, language: str, region: str) -> None:
    assert canonical(given) == tag
    assert canonical(tag) == tag
    assert language_name(tag) == language
    assert region_of([tag]) == region


def test_region_comes_from_the_first_tag_that_has_one() -> None:
    assert region_of(["en", "en-GB", "en-US"]) == "GB"


@pytest.mark.parametrize(
    ("tags", "wanted", "tag"),
    [
        (["en-US", "en-GB"], "", "en-US"),
        (["en-US", "en-GB"], "en-GB", "en-GB"),
        (["en-US", "en-GB"], "en", "en-US"),
        (["en-US"], "en-AU", "en-US"),
        (["cmn-CN"], "zh-CN", "zh-CN"),
        (["zh-HK"], "yue", "zh-HK"),
        (["nb-NO"], "no", "nb-NO"),
        (["en-US"], "de-DE", ""),
        (["fil-PH"], "fi", ""),
        ([], "de", ""),
    ],
)
def test_voice_speaks_all_regions_of_its_language(tags: list[str], wanted: str, tag: str) -> None:
    assert spoken(tags, wanted) == tag


@pytest.mark.parametrize(
    ("word", "tags", "known"),
    [
        ("United States", ["en-US"], "American"),
        ("american", [], "American"),
        ("us", [], "American"),
        ("en-American", [], "American"),
        ("en-US", [], "American"),
        ("American English", [], "American"),
        ("british accent", [], "British"),
        ("Great Britain", [], "British"),
        ("Latin, Serbia", ["sr-Latn-RS"], "Serbian"),
        ("Mandarin, Simplified", ["zh-CN"], "Chinese"),
        ("Taiwanese Mandarin, Traditional", ["zh-TW"], "Taiwanese"),
        ("standard", ["de-AT"], "Austrian"),
        ("", ["es-419"], "Latin American"),
        ("en", [], "Unknown"),
        ("Unknown", ["en"], "Unknown"),
        ("us-southern", [], "Southern American"),
        ("Scotland", ["en-GB"], "Scottish"),
        ("cockney", [], "Cockney"),
    ],
)
def test_accent_is_one_word_whatever_the_vendor_calls_it(word: str, tags: list[str], known: str) -> None:
    assert accent(word, tags) == known
    assert accent(known, tags) == known


def test_name_of_a_region_is_its_accent() -> None:
    for word, *others in names()["regions"].values():
        for name in others:
            assert accent(name, []) in (word, "Dominican", "Congolese"), name
    for finer in names()["finer"].values():
        assert accent(finer, []) == finer


def test_prefix_ends_where_a_subtag_does() -> None:
    assert speaks(["en-GB"], "EN")
    assert speaks(["en-GB"], "en-gb")
    assert not speaks(["eng", "fil-PH"], "en")
    assert not speaks(["fil-PH"], "fi")
    assert not speaks([], "en")
    assert not speaks(["en"], "en-GB")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import sys, app; print({'langcodes', 'sentencex', 'piper', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
