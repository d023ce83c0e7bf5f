"""The speech vendors: a new one is one file and one line here."""

from importlib import import_module

from sayna.providers.base import TTSProvider

# The slug, which is also the name of the module, and the class in it. The order is the order of preference for
# requests that name no provider (contract 3).
_CLASSES = {
    "deepgram": "Deepgram",
    "elevenlabs": "ElevenLabs",
    "google": "Google",
    "azure": "Azure",
    "cartesia": "Cartesia",
    "openai": "OpenAI",
    "polly": "Polly",
    "piper": "Piper",
    "hibari": "Hibari",
    "espeak": "Espeak",
}

PROVIDERS: dict[str, type[TTSProvider]] = {
    slug: getattr(import_module(f"sayna.providers.{slug}"), name) for slug, name in _CLASSES.items()
}

ALIASES = {alias: slug for slug, provider in PROVIDERS.items() for alias in provider.aliases}
