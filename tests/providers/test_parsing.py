import pytest

from sayna.providers.parsing import leading_tag


@pytest.mark.parametrize(
    ("voice", "tag"),
    [
        ("en-US-Wavenet-D", "en-US"),
        ("en-us-wavenet-d", "en-US"),
        ("es-419-Chirp3-HD-Kore", "es-419"),
        ("cmn-TW-Wavenet-A", "cmn-TW"),
        ("sr-Latn-RS-NicholasNeural", "sr-Latn-RS"),
        ("sr-latn-Standard-A", "sr-Latn"),
        ("zh-CN-liaoning-XiaobeiNeural", "zh-CN"),
        ("en-US-Andrew:DragonHDLatestNeural", "en-US"),
        ("en-US-News-K", "en-US"),
        ("Achernar", ""),
        ("my-voice", ""),
        ("en-US", ""),
        ("-en-US-x", ""),
        ("", ""),
    ],
)
def test_the_tag_at_the_beginning_of_a_name_is_found(voice: str, tag: str) -> None:
    assert leading_tag(voice) == tag
