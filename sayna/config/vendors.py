"""The settings of the speech vendors that are configured by a key."""

# ruff: noqa: RUF009 - setting() returns an immutable field

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config.fields import InvalidValue, setting, walk
from sayna.config.secret import Secret
from sayna.config.types import matching, parse_json, secret, token
from sayna.config.urls import anywhere, cloud

OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A vendor that is configured by its key."""

    @property
    def configured(self) -> bool:
        """Whether this server holds a key for the vendor."""
        return bool(getattr(self, "api_key", None))

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when some of the vendor's settings are there but its key is not."""
        # The key is the first field of each vendor.
        key, *others = (info.name for info in walk(type(self)))
        for name in others:
            if name in given and key not in given:
                yield f"{name} is set but {key} is not; set both or neither."


@dataclass(frozen=True, slots=True)
class DeepgramConfig(_Keyed):
    """Deepgram Aura."""

    api_key: Secret | None = setting(
        "DEEPGRAM_API_KEY", token, None, "Key of Deepgram.", yaml="providers.deepgram_api_key"
    )
    base_url: str = setting(
        "DEEPGRAM_BASE_URL",
        cloud,
        "https://api.deepgram.com",
        "Where Deepgram is asked.",
        yaml="providers.deepgram_base_url",
    )


@dataclass(frozen=True, slots=True)
class ElevenLabsConfig(_Keyed):
    """ElevenLabs."""

    api_key: Secret | None = setting(
        "ELEVENLABS_API_KEY", token, None, "Key of ElevenLabs.", yaml="providers.elevenlabs_api_key"
    )
    base_url: str = setting(
        "ELEVENLABS_BASE_URL",
        cloud,
        "https://api.elevenlabs.io",
        "Where ElevenLabs is asked.",
        yaml="providers.elevenlabs_base_url",
    )


@dataclass(frozen=True, slots=True)
class GoogleConfig(_Keyed):
    """Google Cloud Text-to-Speech; `credentials` is a path or the JSON itself."""

    credentials: Secret | None = setting(
        "GOOGLE_APPLICATION_CREDENTIALS",
        secret,
        None,
        "Service account: path of its JSON file, or the JSON itself.",
        yaml="providers.google_credentials",
    )
    base_url: str = setting(
        "GOOGLE_TTS_BASE_URL",
        cloud,
        "https://texttospeech.googleapis.com",
        "Where Google speech is asked.",
        yaml="providers.google_tts_base_url",
    )
    token_url: str = setting(
        "GOOGLE_TOKEN_URL",
        cloud,
        "https://oauth2.googleapis.com/token",
        "Where Google access tokens are made.",
        yaml="providers.google_token_url",
    )

    @property
    def configured(self) -> bool:
        """Whether this server holds a service account."""
        return self.credentials is not None

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for missing credentials and for ones that cannot be read as a JSON object."""
        yield from _Keyed.problems(self, given)
        # At start, or it would be the first caller who learns of a missing file.
        if self.credentials is not None and not is_json_object(self.credentials.reveal()):
            yield "GOOGLE_APPLICATION_CREDENTIALS is no JSON object, nor the path of one; set it to either."


def is_json_object(text: str) -> bool:
    """Return whether a text is a JSON object or the path of a file that holds one."""
    try:
        return isinstance(parse_json(text if text.startswith("{") else Path(text).read_text("utf-8")), dict)
    except (InvalidValue, OSError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class AzureConfig(_Keyed):
    """Azure Speech; the URL follows the region unless it is set."""

    api_key: Secret | None = setting(
        "AZURE_SPEECH_SUBSCRIPTION_KEY",
        token,
        None,
        "Key of Azure Speech.",
        yaml="providers.azure_speech_subscription_key",
    )
    # The region becomes part of a host name, so only letters and digits may be in it.
    region: str = setting(
        "AZURE_SPEECH_REGION",
        matching("[a-z0-9]{2,32}", "a region such as eastus"),
        "eastus",
        "Region of the Azure Speech resource.",
        yaml="providers.azure_speech_region",
    )
    own_base_url: str | None = setting(
        "AZURE_SPEECH_BASE_URL",
        cloud,
        None,
        "Where Azure Speech is asked.",
        yaml="providers.azure_speech_base_url",
        shown="https://{region}.tts.speech.microsoft.com",
    )

    @property
    def base_url(self) -> str:
        """The URL that was set, else the one of the region."""
        return self.own_base_url or f"https://{self.region}.tts.speech.microsoft.com"


@dataclass(frozen=True, slots=True)
class CartesiaConfig(_Keyed):
    """Cartesia Sonic."""

    api_key: Secret | None = setting(
        "CARTESIA_API_KEY", token, None, "Key of Cartesia.", yaml="providers.cartesia_api_key"
    )
    base_url: str = setting(
        "CARTESIA_BASE_URL",
        cloud,
        "https://api.cartesia.ai",
        "Where Cartesia is asked.",
        yaml="providers.cartesia_base_url",
    )


@dataclass(frozen=True, slots=True)
class OpenAIConfig(_Keyed):
    """OpenAI, or any server that speaks its audio API; a server of one's own may need no key."""

    api_key: Secret | None = setting(
        "OPENAI_API_KEY",
        token,
        None,
        "Key of OpenAI or of a server like it.",
        yaml="providers.openai_api_key",
    )
    base_url: str = setting(
        "OPENAI_BASE_URL",
        anywhere,
        OPENAI,
        "Where the OpenAI audio API is; http is fine for a server of one's own.",
        yaml="providers.openai_base_url",
    )

    @property
    def configured(self) -> bool:
        """Whether there is a key, or a server other than OpenAI's own."""
        return self.api_key is not None or self.base_url != OPENAI

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when OpenAI itself is named without a key."""
        # Speaches, Kokoro-FastAPI and LocalAI, for instance, work without a key.
        if "//api.openai.com" in self.base_url.lower():
            yield from _Keyed.problems(self, given)
