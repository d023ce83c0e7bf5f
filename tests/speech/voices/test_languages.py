import subprocess
import sys

import pytest

from sayna.speech.voices.languages import canonical, language_name, region_name, speaks


@pytest.mark.parametrize(
    ("given", "tag", "language", "region"),
    [
        ("en", "en", "English", ""),
        ("EN_us", "en-US", "English", "United States"),
        ("eng", "en", "English", ""),
        ("cmn-CN", "zh-CN", "Chinese", "China"),
        ("zh-hant-tw", "zh-Hant-TW", "Chinese", "Taiwan"),
        ("arb", "ar", "Arabic", ""),
        ("es-419", "es-419", "Spanish", "Latin America"),
        ("sr-Latn-RS", "sr-Latn-RS", "Serbian", "Serbia"),
        ("sh", "sr-Latn", "Serbian", ""),
        ("nb-NO", "nb-NO", "Norwegian Bokmål", "Norway"),
        ("iw-IL", "he-IL", "Hebrew", "Israel"),
        ("yue-HK", "yue-HK", "Cantonese", "Hong Kong SAR China"),
        ("en-UK", "en-GB", "English", "United Kingdom"),
        ("ru-SU", "ru-SU", "Russian", ""),
        ("en-029", "en-029", "English", "Caribbean"),
        ("vi-VN-x-central", "vi-VN-x-central", "Vietnamese", "Vietnam"),
        ("en-gb-x-rp", "en-GB-x-rp", "English", "United Kingdom"),
        ("zh-CN-liaoning", "zh-CN-liaoning", "Chinese", "China"),
        ("qqx", "qqx", "", ""),
        ("English", "", "", ""),
        ("", "", "", ""),
        ("en us", "", "", ""),
        ("<b>", "", "", ""),
    ],
)
def test_tags_are_canonical_and_have_english_names(given: str, tag: str, language: str, region: str) -> None:
    assert canonical(given) == tag
    assert language_name(tag) == language
    assert region_name([tag]) == region


def test_region_comes_from_the_first_tag_that_has_one() -> None:
    assert region_name(["en", "en-GB", "en-US"]) == "United Kingdom"


def test_prefix_ends_where_a_subtag_does() -> None:
    assert speaks(["en-GB"], "EN")
    assert speaks(["en-GB"], "en-gb")
    assert not speaks(["eng", "fil-PH"], "en")
    assert not speaks(["fil-PH"], "fi")
    assert not speaks([], "en")
    assert not speaks(["en"], "en-GB")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import sys, app; print({'babel', 'sentencex', 'piper', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
