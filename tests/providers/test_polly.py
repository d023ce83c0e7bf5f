"""What is particular to Polly; what it shares with others is in test_providers_contract.py."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sayna import errors
from sayna.config import Secret
from sayna.http import Deadline
from sayna.providers.base import Voice
from sayna.providers.polly import Polly, PollyConfig
from tests.wire import answers
from tests.wire.asking import plan, request, speak
from tests.wire.polly import REGION, PollyFake
from tests.wire.server import FaultServer

KEYS: dict[str, Any] = {"access_key_id": Secret("good"), "secret_access_key": Secret("secret/of+good")}


@pytest.fixture
def fake() -> Iterator[PollyFake]:
    with PollyFake() as fake:
        yield fake


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultServer]:
    """Where boto3 would look for an instance role; it finds no other credentials on this machine."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with FaultServer() as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        yield server


def asked(fake: PollyFake, **query: Any) -> dict[str, Any]:
    provider = fake.provider()
    speak(provider, request(provider, **query))
    return fake.asked[-1]


def test_a_plain_request_holds_plain_text(fake: PollyFake) -> None:
    assert asked(fake, text="Tom & <Jerry>") == {
        "VoiceId": "Joanna",
        "Engine": "neural",
        "OutputFormat": "mp3",
        "SampleRate": "24000",
        "Text": "Tom & <Jerry>",
        "LanguageCode": "en-US",
    }


def test_speed_and_volume_are_ssml_with_the_text_escaped(fake: PollyFake) -> None:
    sent = asked(fake, text="Tom & \x0b<Jerry>", speaking_rate=1.5, voice_settings={"volume_db": -3})

    assert sent["Text"] == ('<speak><prosody rate="150%" volume="-3dB">Tom &amp; \n&lt;Jerry&gt;</prosody></speak>')
    assert fake.texts == ["Tom & \n<Jerry>"]


@pytest.mark.parametrize(
    ("query", "engine"),
    [
        ({"voice_id": "Aditi"}, "standard"),
        ({"voice_id": "Nate"}, "generative"),
        ({"voice_id": "Nate", "model": "long-form"}, "long-form"),
        ({"voice_id": "Joanna", "model": "standard"}, "standard"),
    ],
)
def test_the_engine_is_the_model_or_one_that_the_voice_has(fake: PollyFake, query: dict[str, str], engine: str) -> None:
    assert asked(fake, **query)["Engine"] == engine


def test_the_catalogue_is_asked_once_for_engines(fake: PollyFake) -> None:
    provider = fake.provider()

    for _ in range(2):
        speak(provider, request(provider, voice_id="Aditi"))

    assert [hit.method for hit in fake.hits] == ["GET", "GET", "GET", "POST", "POST"]


def test_account_that_may_not_list_voices_uses_default_engine(fake: PollyFake) -> None:
    fake.may_list = False
    fake.voices[1] = {"Id": "Aditi", "SupportedEngines": ["neural"]}

    assert asked(fake, voice_id="Aditi")["Engine"] == "neural"


@pytest.mark.parametrize("query", [{"voice_id": "Nobody"}, {"voice_id": "Aditi", "model": "neural"}])
def test_a_wrong_voice_or_engine_is_the_caller_s_mistake(fake: PollyFake, query: dict[str, Any]) -> None:
    provider = fake.provider()

    with pytest.raises(errors.ProviderRejectedRequest):
        speak(provider, request(provider, **query))


@pytest.mark.parametrize("engine", ["fast", "neural2", "Neural", "neural\n"])
def test_a_model_that_is_no_engine_is_refused(fake: PollyFake, engine: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        plan(fake.provider(), model=engine)


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("de-DE", "Vicki"),
        ("DE", "Vicki"),
        ("en-GB", "Amy"),
        ("pt-PT", "Ines"),
        (None, "Joanna"),
    ],
)
def test_a_language_has_a_voice(fake: PollyFake, language: str | None, voice: str) -> None:
    assert plan(fake.provider(), language=language).voice_id == voice


def test_a_language_without_a_voice_is_told(fake: PollyFake) -> None:
    with pytest.raises(errors.ProviderRejectedRequest):
        plan(fake.provider(), language="zu-ZA")


def test_a_language_that_polly_has_no_code_for_is_not_sent(fake: PollyFake) -> None:
    assert "LanguageCode" not in asked(fake, voice_id="Joanna", language="es-AR")


def test_a_voice_of_two_languages_speaks_the_one_asked_for(fake: PollyFake) -> None:
    assert asked(fake, voice_id="Aditi", language="hi-IN")["LanguageCode"] == "hi-IN"
    assert "LanguageCode" not in asked(fake, voice_id="Aditi", language="hi")


@pytest.mark.parametrize(
    "changed",
    [
        *(
            {"region": region}
            for region in ("127.0.0.1:9/#", "us-east-1.evil.example", "us-east-1/", "US-EAST-1", "x", 7)
        ),
        *({"session_token": token} for token in ("a b", "a\r\nb", "", "a" * 4097, 7)),
        *({"access_key_id": key} for key in ("", "a\nb", None)),
        *({name: "x"} for name in ("endpoint_url", "profile", "role_arn")),
    ],
)
def test_credentials_of_another_shape_reach_nobody(fake: PollyFake, changed: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidProviderAuth):
        plan(fake.provider(), auth=fake.credentials("good") | changed)

    assert fake.connections == 0


def test_a_session_token_is_signed_and_sent(fake: PollyFake) -> None:
    provider = fake.provider("server")
    token = "t/o+k=" * 300

    speak(provider, request(provider, auth=fake.credentials("good") | {"session_token": token}))

    assert fake.hits[0].headers["x-amz-security-token"] == token
    assert "x-amz-security-token" in fake.hits[0].headers["authorization"]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-3", "polly.eu-west-3.amazonaws.com"),
        ("us-gov-west-1", "polly.us-gov-west-1.amazonaws.com"),
        ("cn-northwest-1", "polly.cn-northwest-1.amazonaws.com.cn"),
    ],
)
def test_the_region_is_the_host_asked(monkeypatch: pytest.MonkeyPatch, region: str, host: str) -> None:
    looked_up: list[str] = []

    def nobody(name: str, *_: object, **__: object) -> None:
        looked_up.append(name)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    provider = Polly(PollyConfig(enabled=True, aws_region=REGION, **KEYS))
    auth = {"access_key_id": "k", "secret_access_key": "s", "region": region}

    with pytest.raises(errors.ProviderError):
        speak(provider, request(provider, auth=auth))

    assert set(looked_up) == {host}


def test_static_keys_are_all_that_is_looked_at(fake: PollyFake, elsewhere: FaultServer) -> None:
    provider = Polly(PollyConfig(enabled=True, endpoint_url=fake.url, aws_region=REGION, **KEYS))

    speak(provider)
    speak(provider, request(provider, auth=fake.credentials("good")))

    assert elsewhere.connections == 0


def test_a_request_s_own_keys_need_a_region(fake: PollyFake, elsewhere: FaultServer) -> None:
    provider = Polly(PollyConfig(endpoint_url=fake.url))
    auth = fake.credentials("good")
    del auth["region"]

    with pytest.raises(errors.InvalidProviderAuth):
        speak(provider, request(provider, auth=auth))
    assert (fake.connections, elsewhere.connections) == (0, 0)


def test_boto3_finds_profile_and_region(fake: PollyFake, elsewhere: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = good\naws_secret_access_key = secret/of+good\n", "utf-8"
    )
    (tmp_path / "config").write_text("[default]\nregion = ap-south-1\n", "utf-8")

    assert speak(Polly(PollyConfig(enabled=True, endpoint_url=fake.url)))
    assert "/ap-south-1/polly/" in fake.hits[0].headers["authorization"]
    assert elsewhere.connections == 0


def test_without_credentials_anywhere_polly_says_what_to_set(
    fake: PollyFake, elsewhere: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(errors.ProviderNotConfigured, match="AWS_REGION"):
        speak(Polly(PollyConfig(enabled=True, endpoint_url=fake.url, **KEYS)))
    with pytest.raises(errors.ProviderNotConfigured, match="AWS_ACCESS_KEY_ID"):
        speak(Polly(PollyConfig(enabled=True, endpoint_url=fake.url, aws_region=REGION)))


def test_a_profile_that_is_none_is_named(
    fake: PollyFake, elsewhere: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(errors.ProviderNotConfigured, match="profile"):
        speak(Polly(PollyConfig(enabled=True, endpoint_url=fake.url, aws_region=REGION)))


def test_half_of_a_profile_is_named(fake: PollyFake, elsewhere: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = good\n", "utf-8")

    with pytest.raises(errors.ProviderNotConfigured, match="credentials"):
        speak(Polly(PollyConfig(enabled=True, endpoint_url=fake.url, aws_region=REGION)))


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {"x-amzn-errortype": "ThrottlingException"}, errors.ProviderRateLimited),
        (b"", {"x-amzn-errortype": "ExpiredTokenException:http://x/"}, errors.ProviderRejectedCredentials),
        (b'{"__type":"com.amazon#AccessDeniedException"}', {}, errors.ProviderRejectedCredentials),
        (b"", {"x-amzn-errortype": "InvalidSsmlException"}, errors.ProviderRejectedRequest),
        (b"<html>", {}, errors.ProviderRejectedRequest),
        (b"[]", {}, errors.ProviderRejectedRequest),
        (b"[" * 60000, {}, errors.ProviderRejectedRequest),
    ],
)
def test_errors_are_known_by_aws_s_own_names(
    fake: PollyFake, body: bytes, headers: dict[str, str], expected: type[errors.ProviderError]
) -> None:
    fake.then(*[answers.status(400, body, headers)] * 2)

    with pytest.raises(expected) as caught:
        speak(fake.provider())
    assert type(caught.value) is expected


def test_all_pages_of_the_catalogue_are_read(fake: PollyFake) -> None:
    fake.voices.append({"Id": "Geraint", "LanguageCode": "en-GB-WLS"})

    first, second, third, welsh = fake.provider().list_voices(Deadline.after(5))

    assert welsh.languages == ("en-GB",)
    assert first == Voice(
        id="Joanna",
        name="Joanna",
        provider="polly",
        gender="Female",
        languages=("en-US",),
        tags=("generative", "neural", "standard"),
    )
    assert (second.languages, third.name) == (("en-IN", "hi-IN"), "Nate")
