"""The settings of every speech vendor, in the order in which a default is looked for."""

# ruff: noqa: RUF009 - setting() returns an immutable field

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from sayna.config.fields import require_both, setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, folder, matching, token
from sayna.config.urls import cloud
from sayna.config.vendors import (
    AzureConfig,
    CartesiaConfig,
    DeepgramConfig,
    ElevenLabsConfig,
    GoogleConfig,
    OpenAIConfig,
)

_region = matching("[a-z0-9-]{2,32}", "a region such as eu-central-1")


@dataclass(frozen=True, slots=True)
class PollyConfig:
    """Amazon Polly; what is not set here boto3 finds in its own places (profile, instance role)."""

    # AWS variables alone are no consent, since other programs use them; and to look for an
    # instance role may hang.
    enabled: bool = setting(
        "POLLY_ENABLED", boolean, False, "Whether Amazon Polly is used.", yaml="providers.polly_enabled"
    )
    endpoint_url: str | None = setting(
        "POLLY_ENDPOINT_URL",
        cloud,
        None,
        "Where Polly is asked, for a VPC endpoint.",
        yaml="providers.polly_endpoint_url",
    )
    access_key_id: Secret | None = setting(
        "AWS_ACCESS_KEY_ID", token, None, "AWS key for Polly.", yaml="providers.aws_access_key_id"
    )
    secret_access_key: Secret | None = setting(
        "AWS_SECRET_ACCESS_KEY", token, None, "AWS secret for Polly.", yaml="providers.aws_secret_access_key"
    )
    # Temporary keys (STS) are worth nothing without it.
    session_token: Secret | None = setting(
        "AWS_SESSION_TOKEN", token, None, "AWS session token for Polly.", yaml="providers.aws_session_token"
    )
    aws_region: str | None = setting("AWS_REGION", _region, None, "AWS region of Polly.", yaml="providers.aws_region")
    aws_default_region: str | None = setting(
        "AWS_DEFAULT_REGION",
        _region,
        None,
        "AWS region of Polly when AWS_REGION is not set.",
        yaml="providers.aws_default_region",
    )

    @property
    def region(self) -> str | None:
        """The AWS region, or None when boto3 is to find it."""
        return self.aws_region or self.aws_default_region

    @property
    def configured(self) -> bool:
        """Whether Polly was switched on."""
        return self.enabled

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for half of Polly's settings; AWS variables may be there for other programs."""
        if self.endpoint_url and "POLLY_ENABLED" not in given:
            yield "POLLY_ENDPOINT_URL is set but POLLY_ENABLED is not; set POLLY_ENABLED to true or false."
        # Half a pair would make boto3 look elsewhere without a word.
        if self.enabled:
            yield from require_both(given, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, slots=True)
class PiperConfig:
    """Piper, the neural engine on this machine."""

    voices_path: Path | None = setting(
        "PIPER_VOICES_PATH",
        folder,
        None,
        "Folder of Piper voices, each an .onnx and its .onnx.json.",
        yaml="providers.piper_voices_path",
    )

    @property
    def configured(self) -> bool:
        """Whether there is a folder of voices."""
        return self.voices_path is not None


@dataclass(frozen=True, slots=True)
class EspeakConfig:
    """The embedded engine, which needs no key and no network."""

    enabled: bool = setting(
        "ESPEAK_ENABLED",
        boolean,
        True,
        "Whether the embedded engine is used.",
        yaml="providers.espeak_enabled",
    )

    @property
    def configured(self) -> bool:
        """Whether the embedded engine is left on."""
        return self.enabled


@dataclass(frozen=True, slots=True)
class ProvidersConfig:
    """Every vendor under its slug; the order of the fields is the order of preference."""

    # Contract, section 3: the provider of a request that names none is the first configured one.
    deepgram: DeepgramConfig = field(default_factory=DeepgramConfig)
    elevenlabs: ElevenLabsConfig = field(default_factory=ElevenLabsConfig)
    google: GoogleConfig = field(default_factory=GoogleConfig)
    azure: AzureConfig = field(default_factory=AzureConfig)
    cartesia: CartesiaConfig = field(default_factory=CartesiaConfig)
    openai: OpenAIConfig = field(default_factory=OpenAIConfig)
    polly: PollyConfig = field(default_factory=PollyConfig)
    piper: PiperConfig = field(default_factory=PiperConfig)
    espeak: EspeakConfig = field(default_factory=EspeakConfig)

    @property
    def configured(self) -> tuple[str, ...]:
        """The slugs of the vendors that can be used, the preferred one first."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name).configured)


SLUGS = tuple(each.name for each in fields(ProvidersConfig))
