"""The settings of dialects and of CORS."""

import pytest

from sayna.config import ConfigError, load_config


def test_dialects_are_a_list_or_none() -> None:
    assert load_config({}).compat.enabled == ("openai", "jambonz", "elevenlabs")
    assert load_config({"COMPAT_ENABLED": "MaryTTS, openai"}).compat.enabled == ("openai", "marytts")
    assert load_config({"COMPAT_ENABLED": "none"}).compat.enabled == ()


def test_alias_is_a_provider_with_or_without_a_model() -> None:
    text = '{"tts-1": "microsoft-azure", "tts-1-hd": "elevenlabs/eleven_turbo_v2_5"}'
    compat = load_config({"MODEL_ALIASES_JSON": text}).compat

    assert compat.alias("tts-1") == ("tts-1", "azure", "")
    assert compat.alias("tts-1-hd") == ("tts-1-hd", "elevenlabs", "eleven_turbo_v2_5")
    assert compat.alias("other") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPAT_ENABLED", "openai,nope"),
        ("COMPAT_ENABLED", "none,openai"),
        ("MODEL_ALIASES_JSON", "[]"),
        ("MODEL_ALIASES_JSON", "{"),
        ("MODEL_ALIASES_JSON", '{"a": 1}'),
        ("MODEL_ALIASES_JSON", '{"a": "nope/x"}'),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://a.example/"),
        ("CORS_ORIGINS", "a.example"),
        ("CORS_ORIGINS", "null"),
        ("PUBLIC_DISCOVERY", "maybe"),
    ],
)
def test_value_that_cannot_be_is_named_at_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CORS_ORIGINS", "https://a.example, https://ann:hunter2@b.example"),
        ("CORS_ORIGINS", "https://a.example, https://b.example?token=hunter2"),
        ("SIP_OVERRIDE_ADDRESSES", "10.0.0.0/8, ann:hunter2@pbx.example.com"),
        ("SIP_OUTBOUND_ADDRESS", "sip:ann:hunter2@pbx.example.com"),
        ("HOST", "ann:hunter2@sayna.example.com"),
    ],
)
def test_password_in_a_value_is_not_in_the_error(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        load_config({name: value})
    assert "hunter2" not in str(caught.value)
    assert ("entry 2, which" in str(caught.value)) == ("," in value)
