"""The speech vendors: a new one is one file and one line here."""

from sayna.tts.azure import Azure
from sayna.tts.base import TTSProvider
from sayna.tts.cartesia import Cartesia
from sayna.tts.deepgram import Deepgram
from sayna.tts.elevenlabs import ElevenLabs
from sayna.tts.espeak import Espeak
from sayna.tts.google import Google
from sayna.tts.openai import OpenAI
from sayna.tts.piper import Piper
from sayna.tts.polly import Polly

PROVIDERS: dict[str, type[TTSProvider]] = {
    "azure": Azure,
    "cartesia": Cartesia,
    "deepgram": Deepgram,
    "elevenlabs": ElevenLabs,
    "espeak": Espeak,
    "google": Google,
    "openai": OpenAI,
    "piper": Piper,
    "polly": Polly,
}
