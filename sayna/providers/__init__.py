"""The speech vendors: a new one is one file and one line here."""

from sayna.providers.azure import Azure
from sayna.providers.base import TTSProvider
from sayna.providers.cartesia import Cartesia
from sayna.providers.deepgram import Deepgram
from sayna.providers.elevenlabs import ElevenLabs
from sayna.providers.espeak import Espeak
from sayna.providers.google import Google
from sayna.providers.openai import OpenAI
from sayna.providers.piper import Piper
from sayna.providers.polly import Polly

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

# The reference's second name for it.
ALIASES = {"microsoft-azure": "azure"}
