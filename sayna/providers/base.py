"""The interface of every speech vendor."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sayna.audio.spec import AudioSpec
from sayna.config import VendorConfig
from sayna.errors import InvalidProviderAuth
from sayna.http import Deadline
from sayna.state.files import Check

# The name of a voice that travels in a JSON body only: letters of any script, blanks and most signs, but no control
# or invisible character, and no ".." or backslash, because the server behind may look for a file of this name.
_UNSEEN = r"\x00-\x1f\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff9-\ufffb"
NAME_IN_BODY = re.compile(rf"[^\W_](?!.*\.\.)([^{_UNSEEN}\\<>\"?*|]{{0,126}}[^{_UNSEEN}\\<>\"?*|\s])?")
# A key goes into a header: HTTP clients fail on CR, LF and most of Unicode, and send NUL unchanged.
CREDENTIAL = re.compile(r"[\x21-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class SynthesisParams:
    """The text and how to speak it, with every default applied; pronunciations in `text` are replaced.

    A vendor is asked once more when it fails, except for a target of a voice with several. `has_next` says that
    another target speaks when this one fails, so it should fail rather than wait.
    """

    text: str
    voice_id: str
    model: str
    language: str
    speaking_rate: float
    target: AudioSpec
    settings: Mapping[str, Any]
    credentials: Mapping[str, Any] | None
    connect_seconds: float
    is_retried: bool = field(default=True, kw_only=True)
    has_next: bool = field(default=False, kw_only=True)

    @property
    def has_credentials(self) -> bool:
        """Whether it is spoken with credentials of its own, not with the server's."""
        return self.credentials is not None


@dataclass(frozen=True, slots=True)
class SpeechRequest(SynthesisParams):
    """One synthesis, from now until its deadline."""

    deadline: Deadline


@dataclass(slots=True)
class AudioStream:
    """Audio as the vendor sends it; `spec` says what the bytes are, `close` frees the vendor."""

    spec: AudioSpec
    chunks: Iterator[bytes]
    close: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice as its vendor describes it; an empty field is unknown. GET /voices makes all of them uniform.

    An empty `language` is that of the first of `languages`.
    """

    id: str
    name: str
    provider: str
    sample: str = ""
    accent: str = ""
    gender: str = "Unknown"
    language: str = ""
    languages: tuple[str, ...] = ()
    sample_rates: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    # The targets of a voice of the operator, as provider/voice_id.
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One vendor-specific setting: the type and the range of its value in `voice_settings`."""

    kind: type
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What the README's table says of a vendor, in Markdown; `remark` follows its name."""

    needs: str
    formats: str
    first_sound: str = "streamed"
    remark: str = ""


class TTSProvider(ABC):
    """A speech vendor: holds its configuration and nothing else.

    Every known vendor has an instance; `configured` says whether this server can call it without a request's own
    credentials. A request that brings its own works with an unconfigured one too.
    """

    slug: ClassVar[str]
    # Further names that requests may use for the slug.
    aliases: ClassVar[tuple[str, ...]] = ()
    config_class: ClassVar[type[VendorConfig]]
    facts: ClassVar[ProviderFacts]
    default_voice: ClassVar[str]
    default_model: ClassVar[str] = ""
    default_language: ClassVar[str] = ""
    # Names go into paths, queries and SSML: `../../v1/user` or `x&callback=http://evil` would be another
    # request with the server's key.
    voice_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    model_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    rates: ClassVar[tuple[float, float]] = (0.25, 4.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {}
    auth_fields: ClassVar[tuple[str, ...]] = ("api_key",)
    max_chars: ClassVar[int | None] = None
    max_bytes: ClassVar[int | None] = None
    local: ClassVar[bool] = False
    # The slug of the provider that speaks a text which this one cannot read or failed to speak.
    understudy: ClassVar[str] = ""
    # Part of the cache key: raise it when the same request sounds different, so that old audio is not used again.
    sound_version: ClassVar[int] = 0

    how_to_configure: str = ""
    base_url: str = ""
    configured: bool

    @abstractmethod
    def __init__(self, config: Any) -> None:
        """Take the vendor's own settings, an instance of `config_class`."""

    @property
    def problem(self) -> str:
        """A sentence for operators when the provider is configured but cannot be used, else an empty string."""
        return ""

    def check(self) -> Check:
        """Return whether the provider can speak, as far as is known without a call; `off` when not configured."""
        return "ok" if self.configured else "off"

    @abstractmethod
    def synthesize(self, request: SpeechRequest) -> AudioStream:
        """Return the audio of one text as the master: lossless where the vendor sells it, at the voice's own rate.

        A rate above that is worth its cost only when `request.target` has it. The caller keeps the master and makes
        every format of it. Raises ProviderError and its kinds, before the first byte or while the stream
        is read.
        """

    @abstractmethod
    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return the vendor's whole catalogue; raises ProviderError and its kinds."""

    def resolve_voice(self, voice_id: str, model: str, language: str) -> tuple[str, str]:
        """Return the voice and the model to use where the caller named none (empty strings)."""
        return voice_id or self.default_voice, model or self.default_model

    def suits(self, text: str, language: str, names: Collection[str]) -> bool:
        """Return whether a request that names no provider may go to this one.

        `language` is a canonical tag or empty; `names` are the request's own voice, model and settings.
        """
        return True

    def reads(self, text: str) -> bool:
        """Return whether the vendor can say a text."""
        return True

    def chars_at_once(self, model: str) -> int | None:
        """Return how many characters a model takes in one request, None where there is no limit."""
        return self.max_chars

    def check_auth(self, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the request's own credentials; raises InvalidProviderAuth when their shape is wrong."""
        # Unknown fields are ignored elsewhere, but a misspelt credential must be reported.
        if unknown := sorted(set(auth) - set(self.auth_fields)):
            shown = ", ".join(unknown)[:100]
            if not self.auth_fields:
                raise InvalidProviderAuth(
                    f"{self.slug} takes no auth; send in provider whose credentials ({shown}) these are"
                )
            raise InvalidProviderAuth(f"auth for {self.slug} has {shown}; send only {', '.join(self.auth_fields)}")
        if missing := [name for name in self.auth_fields if auth.get(name) in (None, "")]:
            fields = ", ".join(f'"{name}": "..."' for name in self.auth_fields)
            raise InvalidProviderAuth(
                f"auth for {self.slug} has no {' and no '.join(missing)}; send {{{fields}}}, each with a value"
            )
        for name in self.auth_fields:
            if not isinstance(auth[name], str) or not CREDENTIAL.fullmatch(auth[name]):
                raise InvalidProviderAuth(
                    f"auth.{name} must be a string of 1-512 printable ASCII characters without spaces"
                )
        return auth

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return the tags of a voice that speaks no others; none when it is multilingual or only the vendor knows."""
        return ()

    def language_of(self, voice_id: str) -> str:
        """Return the tag that a voice without languages_of() speaks, empty when only the vendor knows."""
        return self.default_language

    def version_of(self, voice_id: str) -> str | None:
        """Return a text that changes when another voice gets the same id; None where only the vendor knows."""
        return None

    def close(self) -> None:  # noqa: B027 - most vendors hold nothing
        """Free what the vendor holds; it may be used again."""
