"""Every REST method of the official Python SDK, as PyPI has it, with a token."""

import asyncio
import inspect
import io
import re
import wave
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit.protocol import models
from sayna_client import SaynaClient, TTSConfig
from sayna_client.errors import SaynaHttpError, SaynaServerError, SaynaValidationError
from sayna_client.types import Pronunciation, SipCallSipConfig, SipHook
from sayna_client.webhook_receiver import WebhookReceiver

from tests.e2e.conftest import StartServer
from tests.e2e.whole import AUDIO, HOOK_SECRET, STREAM_ID, TOKEN, Whole, whole
from tests.e2e.wire import Address
from tests.livekit.events import encoded, signed
from tests.sip.inbound import Target, joined

AUTH = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN}
VOICE = TTSConfig(provider="deepgram", model="aura-asteria-en", voice_id="aura-asteria-en")
PERSON = models.ParticipantInfo.Kind.STANDARD
TELEPHONE = models.ParticipantInfo.Kind.SIP


@pytest.fixture
def service(tmp_path: Path, server: StartServer) -> Iterator[Whole]:
    with whole(tmp_path, server, **AUTH) as service:
        yield service


@pytest.fixture
def with_client(service: Whole) -> Callable[..., Any]:
    """Run a coroutine with a client of the service."""

    def run(use: Callable[[SaynaClient], Awaitable[Any]], token: str = TOKEN) -> Any:
        async def main() -> Any:
            client = SaynaClient(url=service.url, without_audio=True, api_key=token)
            try:
                return await use(client)
            finally:
                await client._http_client.close()  # `async with` would open a WebSocket, which is not served

        return asyncio.run(main())

    return run


def test_health(with_client: Callable[..., Any]) -> None:
    assert with_client(lambda client: client.health()).status == "ok"


def test_voices_as_the_guide_reads_them(with_client: Callable[..., Any]) -> None:
    voices = with_client(lambda client: client.get_voices())

    assert next(iter(voices.values()))[0].id
    assert voices["deepgram"][0].id == "aura-2-thalia-en"


def test_speech_is_what_the_headers_say(with_client: Callable[..., Any]) -> None:
    audio, headers = with_client(lambda client: client.speak_rest("Welcome to Sayna", VOICE))

    assert (headers["Content-Type"], headers["x-audio-format"]) == ("audio/pcm", "linear16")
    assert 0.2 < len(audio) / 2 / int(headers["x-sample-rate"]) < 10


def test_speech_with_every_field_that_the_sdk_has(with_client: Callable[..., Any], service: Whole) -> None:
    config = VOICE.model_copy(
        update={
            "audio_format": "wav",
            "sample_rate": 16000,
            "speaking_rate": 1.1,
            "connection_timeout": 5,
            "request_timeout": 30,
            "pronunciations": [Pronunciation(word="SQL", pronunciation="sequel")],
        }
    )
    audio, headers = with_client(lambda client: client.speak_rest("Ask for SQL", config))

    with wave.open(io.BytesIO(audio)) as clip:
        assert clip.getframerate() == int(headers["x-sample-rate"]) == 16000
    assert service.deepgram.texts == ["Ask for sequel"]


def test_rooms_from_token_to_removal(with_client: Callable[..., Any], service: Whole) -> None:
    async def use(client: SaynaClient) -> None:
        token = await client.get_livekit_token("support-42", "alex", "alex-support")
        assert (token.room_name, token.livekit_url) == ("support-42", "wss://livekit.example.com")
        service.livekit.join("support-42", "alex-support", "TR_1", kind=PERSON)
        assert [room.name for room in (await client.get_livekit_rooms()).rooms] == ["support-42"]
        room = await client.get_livekit_room("support-42")
        assert [person.identity for person in room.participants] == ["alex-support"]
        muted = await client.mute_livekit_participant_track("support-42", "alex-support", "TR_1", True)
        assert muted.muted
        removed = await client.remove_livekit_participant("support-42", "alex-support")
        assert removed.status == "removed"

    with_client(use)


def test_recordings_are_downloaded(with_client: Callable[..., Any]) -> None:
    audio, headers = with_client(lambda client: client.get_recording(STREAM_ID))

    assert audio == AUDIO
    assert headers["Content-Type"] == "audio/ogg"


def test_calls_and_transfers(with_client: Callable[..., Any], service: Whole) -> None:
    async def use(client: SaynaClient) -> None:
        called = await client.sip_call("call-room", "John Doe", "caller-456", "+15105550123", "+15551234567")
        assert (called.status, called.sip_call_id) == ("initiated", "SCL_1")
        own = SipCallSipConfig(
            outbound_address="sip.provider.com:5060", auth_username="user123", auth_password="secret456"
        )
        await client.sip_call("call-room", "Jane", "caller-457", "07123456789", "1234", own)
        service.livekit.set_status("call-room", "caller-456", "active")
        moved = await client.sip_transfer_rest("call-room", "caller-456", "+15550003")
        assert moved.transfer_to == "tel:+15550003"

    with_client(use)
    assert [asked.trunk.hostname for asked in service.livekit.dialled] == [
        "pbx.example.com:5060",
        "sip.provider.com:5060",
    ]


def test_hooks_are_kept_and_removed(with_client: Callable[..., Any]) -> None:
    async def use(client: SaynaClient) -> None:
        hook = SipHook(host="pbx.example.com", url="https://hooks.example.com/call", auth_id="default")
        assert (await client.set_sip_hooks([hook])).hooks == [hook]
        assert (await client.get_sip_hooks()).hooks == [hook]
        assert (await client.delete_sip_hooks(["pbx.example.com"])).hooks == []

    with_client(use)


@pytest.mark.parametrize(
    ("use", "token", "error", "words"),
    [
        (lambda client: client.get_voices(), "another-token", SaynaValidationError, "unauthorized"),
        (lambda client: client.get_recording("nothing"), TOKEN, SaynaHttpError, "no recording"),
        (lambda client: client.get_livekit_room("nothing"), TOKEN, SaynaHttpError, "no open room"),
        (
            lambda client: client.speak_rest("hello", VOICE.model_copy(update={"provider": "azure"})),
            TOKEN,
            SaynaServerError,
            "azure is not configured",
        ),
        (
            lambda client: client.speak_rest("hello", VOICE.model_copy(update={"provider": "nobody"})),
            TOKEN,
            SaynaValidationError,
            "provider",
        ),
    ],
)
def test_failures_are_the_sdks_own_errors(
    with_client: Callable[..., Any], use: Any, token: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        with_client(use, token)


def test_a_call_that_comes_in_is_told_to_the_sdks_receiver(with_client: Callable[..., Any], service: Whole) -> None:
    """Save a hook with the SDK, sign an event as LiveKit does, and take in what the service sends then."""
    service.livekit.open("lobby", "")
    with Target() as target:
        hook = SipHook(host="a.example.com", url=f"{target.url}/call", auth_id="default")
        with_client(lambda client: client.set_sip_hooks([hook]))
        body = encoded(joined())
        sent = Address(service.port).ask(
            "POST",
            "/livekit/webhook",
            body,
            **{"Content-Type": "application/webhook+json", "Authorization": signed(body)},
        )
        assert (sent.status, sent.json()) == (200, {"status": "received"})
        [hit] = target.received(1)

    receiver = WebhookReceiver(HOOK_SECRET)
    event = receiver.receive(dict(hit.headers), hit.body.decode())
    assert (event.from_phone_number, event.to_phone_number) == ("+15559876543", "+15551234567")
    assert (event.room.name, event.sip_host) == ("lobby", "a.example.com")
    with pytest.raises(SaynaValidationError):
        receiver.receive(dict(hit.headers), hit.body.decode().replace("+1555", "+1666"))
    with pytest.raises(SaynaValidationError):
        WebhookReceiver("another-secret-0123456789").receive(dict(hit.headers), hit.body.decode())


def test_no_rest_method_of_the_sdk_is_left_out() -> None:
    methods = {
        name
        for name, method in inspect.getmembers(SaynaClient, inspect.isfunction)
        if not name.startswith("_") and re.search(r"_http_client\.(?!close)", inspect.getsource(method))
    }
    called = set(re.findall(r"client\.(\w+)\(", Path(__file__).read_text("utf-8")))

    assert len(methods) >= 14
    assert methods <= called
