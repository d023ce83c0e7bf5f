"""The speech vendors: a new one is one file and one line here."""

from sayna.tts.base import TTSProvider
from sayna.tts.deepgram import Deepgram
from sayna.tts.elevenlabs import ElevenLabs
from sayna.tts.espeak import Espeak
from sayna.tts.piper import Piper

PROVIDERS: dict[str, type[TTSProvider]] = {
    "deepgram": Deepgram,
    "elevenlabs": ElevenLabs,
    "espeak": Espeak,
    "piper": Piper,
}
