"""Calls of unmodified Python clients; runs in an environment of its own and prints what they got as JSON.

Arguments: the URL of the service, a token, the name of a function here, and its other arguments.
"""

import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

TEXT = "Welcome to Sayna"


def shown(audio: bytes) -> str:
    """Return bytes as JSON can hold them."""
    return base64.b64encode(audio).decode()


def failure(call: Any) -> dict[str, Any]:
    """Return the exception that a call raises: its class and the fields that programs read."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - each client has classes of its own
        names = ("status_code", "code", "param", "type", "request_id", "body")
        told = {name: getattr(error, name, None) for name in names}
        return {"class": type(error).__name__, "message": str(error)[:300], **told}
    return {"class": "none"}


def openai_speaks(url: str, token: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    speech = client.audio.speech
    told = {
        audio_format: shown(
            speech.create(model="espeak", voice={"id": "en"}, input=TEXT, response_format=audio_format).content
        )
        for audio_format in ("mp3", "opus", "flac", "wav", "pcm")
    }
    extra = speech.create(model="tts-1", voice="alloy", input="Guten Tag", extra_body={"language": "de"}).response
    return {
        "formats": told,
        "voice": extra.headers["x-voice-id"],
        "models": [model.id for model in client.models.list()],
        "model": client.models.retrieve("espeak").owned_by,
    }


def openai_streams(url: str, token: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    # The vendor behind the server waits between its chunks until the whole of the first has been read here.
    with client.audio.speech.with_streaming_response.create(
        model="deepgram", voice="alloy", input="streamed", response_format="pcm"
    ) as response:
        chunks = response.iter_bytes(4096)
        first = next(chunks)
        print(json.dumps("first"), flush=True)
        audio = first + b"".join(chunks)
    return shown(audio)


def openai_fails(url: str, token: str) -> Any:
    from openai import OpenAI

    good, bad = (OpenAI(base_url=f"{url}/v1", api_key=key) for key in (token, "wrong"))

    def ask(client: Any = good, **change: Any) -> dict[str, Any]:
        body = {"model": "espeak", "voice": "en", "input": TEXT, **change}
        return failure(lambda: client.audio.speech.create(**body))

    return {
        "key": ask(bad),
        "model": ask(model="no-such-model"),
        "voice": ask(voice="no-such-voice"),
        "format": ask(response_format="aac"),
        "blank": ask(input=" "),
        "speed": ask(speed=9),
    }


def openai_vendor_down(url: str, token: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    return failure(lambda: client.audio.speech.create(model="elevenlabs", voice="alloy", input=TEXT))


def openai_vendor_refuses(url: str, token: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    return failure(lambda: client.audio.speech.create(model="cartesia", voice="alloy", input=TEXT))


def openai_overloaded(url: str, token: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    began = time.monotonic()
    failed = failure(lambda: client.audio.speech.create(model="espeak", voice="alloy", input="not cached"))
    return {**failed, "seconds": time.monotonic() - began}


def elevenlabs_speaks(url: str, token: str) -> Any:
    from elevenlabs.client import ElevenLabs

    client = ElevenLabs(base_url=url, api_key=token)
    speech = client.text_to_speech
    voice = "espeak:gmw/en-US"
    return {
        "convert": shown(b"".join(speech.convert(voice, text=TEXT, model_id="eleven_turbo_v2_5"))),
        "stream": shown(b"".join(speech.stream(voice, text=TEXT, output_format="pcm_16000"))),
        "ulaw": shown(b"".join(speech.convert(voice, text=TEXT, output_format="ulaw_8000"))),
        "search": [each.voice_id for each in client.voices.search(search="en-US", page_size=100).voices],
        "all": len(client.voices.get_all().voices),
        "models": [model.model_id for model in client.models.list()],
        "tier": client.user.subscription.get().tier,
    }


def elevenlabs_fails(url: str, token: str) -> Any:
    from elevenlabs.client import ElevenLabs

    def ask(key: str, voice: str, text: str = TEXT) -> dict[str, Any]:
        client = ElevenLabs(base_url=url, api_key=key)
        return failure(lambda: b"".join(client.text_to_speech.convert(voice, text=text)))

    return {
        "key": ask("wrong", "espeak:en"),
        "voice": ask(token, "21m00Tcm4TlvDq8ikWAM" * 7),
        "blank": ask(token, "espeak:en", " "),
        "vendor": ask(token, "elevenlabs:21m00Tcm4TlvDq8ikWAM"),
    }


def mary_speaks(url: str, token: str) -> Any:
    from speak2mary import MaryTTS

    host, _, port = url.removeprefix("http://").partition(":")
    client = MaryTTS(host, int(port), "WAVE_FILE", "en_US", "cmu-slt-hsmm")
    return {"plain": shown(client.speak(TEXT)), "slow": shown(client.speak(TEXT, {"Rate": "durScale:2.0;"}))}


def mary_lists(url: str, token: str) -> Any:
    from marytts import MaryTTS

    host, _, port = url.removeprefix("http://").partition(":")
    return [str(voice) for voice in MaryTTS(host, int(port)).voices]


def litellm_speaks(url: str, token: str) -> Any:
    return {"mp3": shown(litellm_speech(url, key=token, model="espeak", voice="alloy", text=TEXT).content)}


def litellm_speech(url: str, *, key: str, model: str, voice: str, text: str) -> Any:
    import litellm

    return litellm.speech(api_base=f"{url}/v1", api_key=key, model=f"openai/{model}", voice=voice, input=text)


def agents_speak(url: str, token: str) -> Any:
    from agents.voice import OpenAITTSModel, TTSModelSettings
    from openai import AsyncOpenAI

    async def main() -> bytes:
        model = OpenAITTSModel("espeak", AsyncOpenAI(base_url=f"{url}/v1", api_key=token))
        return b"".join([chunk async for chunk in model.run(TEXT, TTSModelSettings(voice="alloy"))])

    return shown(asyncio.run(main()))


def livekit_openai_speaks(url: str, token: str) -> Any:
    told = {}
    for model in ("espeak", "tts-1"):
        for audio_format in ("wav", "mp3", "opus"):
            frame = livekit_openai(url, key=token, model=model, voice="alloy", text=TEXT, audio_format=audio_format)
            told[f"{model} {audio_format}"] = [frame.sample_rate, frame.duration]
    return told


def livekit_openai(url: str, *, key: str, model: str, voice: str, text: str, audio_format: str = "mp3") -> Any:
    import aiohttp
    from livekit.plugins import openai

    async def main() -> Any:
        async with aiohttp.ClientSession():
            tts = openai.TTS(base_url=f"{url}/v1", api_key=key, model=model, voice=voice, response_format=audio_format)
            try:
                return await tts.synthesize(text).collect()
            finally:
                await tts.aclose()

    return asyncio.run(main())


def livekit_elevenlabs_speaks(url: str, token: str) -> Any:
    return livekit_elevenlabs(url, key=token, model="espeak", voice="alloy", text=TEXT, lists=True)


def livekit_elevenlabs(url: str, *, key: str, model: str, voice: str, text: str, lists: bool = False) -> Any:
    import aiohttp
    from livekit.plugins import elevenlabs

    async def main() -> dict[str, Any]:
        async with aiohttp.ClientSession() as session:
            tts = elevenlabs.TTS(
                base_url=f"{url}/v1",
                api_key=key,
                voice_id=voice if ":" in voice else f"{model}:en",
                encoding="mp3_44100_128",
                http_session=session,
            )
            frame = await tts.synthesize(text).collect()
            voices = await tts.list_voices() if lists else []
            return {"frame": [frame.sample_rate, frame.duration], "voices": len(voices)}

    return asyncio.run(main())


def pipecat_speaks(url: str, token: str) -> Any:
    audio = pipecat(url, key=token, model="espeak", voice="alloy", text=TEXT)
    return {"bytes": sum(len(frame.audio) for frame in audio), "rates": sorted({f.sample_rate for f in audio})}


def pipecat(url: str, *, key: str, model: str, voice: str, text: str) -> list[Any]:
    """Return the frames of audio; raises RuntimeError with the error that pipecat pushes up its pipeline."""
    from pipecat.frames.frames import ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
    from pipecat.services.openai.tts import OpenAITTSService
    from pipecat.tests.utils import run_test

    async def main() -> list[Any]:
        service = OpenAITTSService(
            base_url=f"{url}/v1",
            api_key=key,
            sample_rate=24000,
            settings=OpenAITTSService.Settings(voice=voice, model=model),
        )
        down, up = await run_test(service, frames_to_send=[TTSSpeakFrame(text)])
        failed = [frame.error for frame in (*down, *up) if isinstance(frame, ErrorFrame)]
        if failed:
            raise RuntimeError(failed[0])
        return [frame for frame in down if isinstance(frame, TTSAudioRawFrame)]

    return asyncio.run(main())


def ovos_speaks(url: str, token: str) -> Any:
    (found,) = [each for each in entry_points(group="mycroft.plugin.tts") if "mary" in each.name]
    plugin = found.load()({"url": f"{url}/marytts"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        plugin.get_tts(TEXT, str(path), lang="en_US")
        return shown(path.read_bytes())


def wyoming_speaks(url: str, token: str) -> Any:
    return asyncio.run(bridged(url, key=token, model="espeak", voice=None, text=TEXT))


async def bridged(url: str, *, key: str, model: str, voice: str | None, text: str) -> dict[str, Any]:
    """Return what the Wyoming bridge gives for a text; raises RuntimeError with the error that it sends."""
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncUnixClient
    from wyoming.error import Error
    from wyoming.info import Describe, Info
    from wyoming.tts import Synthesize, SynthesizeVoice

    # Another program could take a port before the bridge does.
    folder = tempfile.mkdtemp()
    path = f"{folder}/bridge.sock"
    argv = [sys.executable, "-m", "wyoming_openai", "--uri", f"unix://{path}", "--languages", "en"]
    argv += ["--tts-openai-url", f"{url}/v1", "--tts-openai-key", key, "--tts-models", model]
    argv += ["--tts-voices", voice] if voice else []

    async def connected() -> Any:
        for _ in range(600):
            client = AsyncUnixClient(path)
            try:
                await client.connect()
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return client
        raise TimeoutError

    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as bridge:
        try:
            client = await connected()
            await client.write_event(Describe().event())
            info = Info.from_event(await client.read_event())
            chosen = SynthesizeVoice(name=voice) if voice else None
            await client.write_event(Synthesize(text=text, voice=chosen).event())
            rate, audio = 0, b""
            while (event := await client.read_event()) is not None and not AudioStop.is_type(event.type):
                if AudioStart.is_type(event.type):
                    rate = AudioStart.from_event(event).rate
                elif AudioChunk.is_type(event.type):
                    audio += AudioChunk.from_event(event).audio
                elif Error.is_type(event.type):
                    raise RuntimeError(Error.from_event(event).text)
            voices = [each.name for program in info.tts for each in program.voices]
            return {"rate": rate, "audio": shown(audio), "voices": voices}
        finally:
            bridge.terminate()
            bridge.wait()
            shutil.rmtree(folder)


# What is wrong with a request, as a change of one that is right.
WRONG = {
    "key": {"key": "wrong"},
    "model": {"model": "no-such-model"},
    "voice": {"voice": "espeak:no-such-voice"},
    "vendor": {"model": "elevenlabs"},
    "overload": {"text": "not cached"},
}
CLIENTS: dict[str, Callable[..., Any]] = {
    "litellm": litellm_speech,
    "livekit-openai": livekit_openai,
    "livekit-elevenlabs": livekit_elevenlabs,
    "pipecat": pipecat,
    "wyoming": lambda url, **words: asyncio.run(bridged(url, **words)),
}


def fails(url: str, token: str, client: str, *cases: str) -> Any:
    """Return the error of each case; a request of / in the service's log stands before each."""
    told = {}
    for case in cases:
        urllib.request.urlopen(f"{url}/", timeout=60).close()
        words = {"key": token, "model": "espeak", "voice": "alloy", "text": TEXT, **WRONG[case]}
        told[case] = failure(lambda words=words: CLIENTS[client](url, **words))
    return told


if __name__ == "__main__":
    where, secret, name, *words = sys.argv[1:]
    print(json.dumps(globals()[name](where, secret, *words), default=str))
