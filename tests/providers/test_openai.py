"""What is particular to OpenAI and servers like it; the rest is in test_providers_contract.py."""

import dataclasses
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sayna import errors
from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.http import Deadline
from sayna.providers.openai import OpenAI, OpenAIConfig
from tests.audio.sounds import HERTZ, heard
from tests.wire import answers
from tests.wire.asking import plan, request, speak
from tests.wire.openai import OpenAIFake
from tests.wire.server import FaultServer

PCM = AudioSpec("linear16", 24000)


@pytest.fixture
def fake() -> Iterator[OpenAIFake]:
    with OpenAIFake() as fake:
        yield fake


@pytest.fixture
def itself(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OpenAI, FaultServer]]:
    """OpenAI's own address, which leads to a server on this machine."""
    with FaultServer() as server:
        found = socket.getaddrinfo("127.0.0.1", server.port, type=socket.SOCK_STREAM)

        def look_up(name: str, *_: object, **__: object) -> Any:
            assert name == "api.openai.com"
            return found

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        base_url = f"http://api.openai.com:{server.port}/v1"
        yield OpenAI(OpenAIConfig(api_key=Secret("good"), base_url=base_url)), server


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_the_header_of_the_audio_knows_its_rate(fake: OpenAIFake, rate: int) -> None:
    fake.rate = rate

    sound = heard(speak(fake.provider()), PCM)

    assert sound.hertz == pytest.approx(HERTZ, abs=5)


def test_a_server_of_one_s_own_needs_no_key(fake: OpenAIFake) -> None:
    provider = fake.provider(None)

    assert provider.configured
    speak(provider)
    provider.list_voices(Deadline.after(5))
    assert all("authorization" not in hit.headers for hit in fake.hits)


def test_openai_itself_is_not_configured_without_a_key() -> None:
    provider = OpenAI(OpenAIConfig())
    asked = plan(provider, auth={"api_key": "k"}).provider_request()

    assert not provider.configured
    with pytest.raises(errors.ProviderNotConfigured):
        speak(provider, dataclasses.replace(asked, credentials=None))


def test_the_key_of_a_request_replaces_the_server_s(fake: OpenAIFake) -> None:
    provider = fake.provider("server-key")

    speak(provider, request(provider, auth={"api_key": "good"}))

    assert fake.hits[0].headers["authorization"] == "Bearer good"


@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/v1", "http://169.254.169.254/", "file:///etc/passwd"])
@pytest.mark.parametrize("name", ["base_url", "url", "organization"])
def test_a_request_cannot_say_where_to_ask(fake: OpenAIFake, where: str, name: str) -> None:
    with FaultServer() as elsewhere:
        with pytest.raises(errors.InvalidProviderAuth):
            plan(fake.provider(), auth={"api_key": "good", name: where.format(port=elsewhere.port)})
        assert (elsewhere.connections, fake.connections) == (0, 0)


def test_a_quota_that_ran_out_is_not_asked_again(fake: OpenAIFake) -> None:
    with pytest.raises(errors.ProviderRejectedCredentials):
        speak(fake.provider("poor"))
    assert len(fake.hits) == 1


NAMES = ["FunAudioLLM/CosyVoice2-0.5B:alex", "Claribel Dervla", "中文女", "Zoë", "Zoe\u0308", "हिन्दी", "l'été", "x"]


@pytest.mark.parametrize(
    "voice",
    ["af_heart", "af_bella+af_sky", "af_bella(2)+af_sky(1)", "en_US-lessac-medium", "en-us-amy-low.onnx", *NAMES],
)
def test_voices_of_other_servers_are_taken(fake: OpenAIFake, voice: str) -> None:
    provider = fake.provider()

    speak(provider, request(provider, voice_id=voice, model="speaches-ai/Kokoro-82M-v1.0-ONNX"))

    assert (fake.bodies[0]["voice"], fake.bodies[0]["model"]) == (voice, "speaches-ai/Kokoro-82M-v1.0-ONNX")


def test_raw_audio_can_be_asked_for(fake: OpenAIFake) -> None:
    provider = fake.provider()

    audio = speak(provider, request(provider, voice_settings={"response_format": "pcm"}))

    assert audio == fake.sent[0]


def test_speed_and_instructions_are_sent(fake: OpenAIFake) -> None:
    provider = fake.provider()

    speak(provider, request(provider, speaking_rate=2.5, voice_settings={"instructions": "Softly."}))

    assert (fake.bodies[0]["speed"], fake.bodies[0]["instructions"]) == (2.5, "Softly.")


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        ({"voices": ["alloy", "echo"]}, ["alloy", "echo"]),
        (
            {"voices": [{"id": "a", "name": "A"}, {"voice_id": "b"}, {"name": "c"}, {"x": 1}, 7, None]},
            ["a", "b", "c"],
        ),
        ({"object": "list", "data": [{"voice": "a"}]}, ["a"]),
        (["alloy", {"id": "b"}], ["alloy", "b"]),
        (None, []),
    ],
)
def test_every_shape_of_a_catalogue_is_read(fake: OpenAIFake, listed: object, ids: list[str]) -> None:
    fake.voices = listed

    assert [voice.id for voice in fake.provider().list_voices(Deadline.after(5))] == ids


def test_the_names_of_kokoro_tell_language_and_gender(fake: OpenAIFake) -> None:
    fake.voices = {"voices": ["bm_george", "jf_alpha", "af", {"id": "zm_yunxi", "language": "cmn", "gender": "male"}]}

    voices = fake.provider().list_voices(Deadline.after(5))

    assert [(voice.language, voice.gender) for voice in voices] == [
        ("en-GB", "Male"),
        ("ja", "Female"),
        ("", "Unknown"),
        ("cmn", "Male"),
    ]


def test_openai_itself_is_asked_for_pcm(itself: tuple[OpenAI, FaultServer]) -> None:
    provider, server = itself
    server.always(answers.chunked([b"\1\2" * 24000], "audio/pcm"))

    assert speak(provider) == b"\1\2" * 24000
    body = server.hits[0].json()
    assert (body["response_format"], body["model"], body["voice"]) == ("pcm", "gpt-4o-mini-tts", "alloy")


def test_a_custom_voice_of_openai_is_an_object(itself: tuple[OpenAI, FaultServer]) -> None:
    provider, server = itself
    server.always(answers.chunked([b"\1\2" * 24000], "audio/pcm"))

    speak(provider, request(provider, voice_id="voice_123abc"))

    assert server.hits[0].json()["voice"] == {"id": "voice_123abc"}


def test_openai_s_own_voices_are_known_without_asking(itself: tuple[OpenAI, FaultServer]) -> None:
    provider, server = itself

    voices = provider.list_voices(Deadline.after(5))

    assert {"alloy", "marin", "cedar"} <= {voice.id for voice in voices}
    assert server.connections == 0
