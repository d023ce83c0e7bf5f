"""The settings of clip URLs, of GET /say, of the dialects of other servers, and of web pages on other origins."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import Secret, boolean, choice, list_of, matching, parse_json
from sayna.config.vendors import provider_slug

MIN_SECRET = 32  # characters
# Telephone systems pass a URL through dial plans, where other characters have a meaning.
_PUBLIC = re.compile(r"(https?://[A-Za-z0-9.\[\]:-]{1,253}(?:/[A-Za-z0-9_-]+)*)/?")

DIALECTS = ("openai", "jambonz", "elevenlabs", "marytts")
_ALIAS_WANTS = 'a JSON object such as {"tts-1": "azure", "tts-1-hd": "elevenlabs/eleven_turbo_v2_5"}'
# The form in which browsers send Origin: lower case, no path, no default port.
_origin = matching(
    r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", "such as https://app.example.com"
)


def _public_url(text: str) -> str:
    found = _PUBLIC.fullmatch(text)
    if found is None:
        raise InvalidValue("is not a URL of letters, digits, - and _")
    return found[1]


def _long_secret(text: object) -> Secret:
    if not isinstance(text, str) or len(text) < MIN_SECRET or not text.isascii() or not text.isprintable():
        raise InvalidValue(f"is not {MIN_SECRET} or more printable ASCII characters")
    return Secret(text)


def _secrets(text: str) -> tuple[Secret, ...]:
    found = parse_json(text)
    if not isinstance(found, list):
        raise InvalidValue("is not a JSON array")
    try:
        return tuple(map(_long_secret, found))
    except InvalidValue:
        raise InvalidValue(f"holds an entry that is not {MIN_SECRET} or more printable ASCII characters") from None


long_secret = SettingType(
    _long_secret, f"at least {MIN_SECRET} characters, such as `openssl rand -hex 32` prints", secret=True
)


@dataclass(frozen=True, slots=True)
class ClipsConfig:
    """Clip URLs, which any telephone system can play, and GET /say."""

    public_url: str | None = setting(
        "PUBLIC_URL",
        SettingType(_public_url, "https://... or http://..., with a path if there is one", shown=False),
        None,
        shown="scheme and host of the request",
    )
    secrets: tuple[Secret, ...] = setting(
        "CLIP_SECRETS_JSON",
        SettingType(_secrets, f"a JSON array of texts of at least {MIN_SECRET} characters", secret=True),
        (),
    )
    say_enabled: bool = setting("SAY_ENABLED", boolean, False)
    open_get_vendors: bool = setting("OPEN_GET_VENDORS", boolean, False, yaml="outbound.open_get_vendors")


class ModelAlias(NamedTuple):
    """A model name of clients, and the provider and the model (may be empty) that it stands for."""

    name: str
    provider: str
    model: str


def _dialects(text: str) -> tuple[str, ...]:
    names = list_of(choice(*DIALECTS, "none")).parse(text)
    if "none" in names and len(names) > 1:
        raise InvalidValue("has none beside other names")
    return tuple(name for name in DIALECTS if name in names)


def _aliases(text: str) -> tuple[ModelAlias, ...]:
    found = parse_json(text)
    if not isinstance(found, dict):
        raise InvalidValue("is not a JSON object")
    return tuple(_alias(name, target) for name, target in found.items())


def _alias(name: str, target: object) -> ModelAlias:
    if not isinstance(target, str):
        raise InvalidValue(f"gives {name[:80]!r} a value that is not a string")
    slug, _, model = target.partition("/")
    try:
        return ModelAlias(name, provider_slug.parse(slug), model)
    except InvalidValue:
        raise InvalidValue(f"gives {name[:80]!r} a provider that is unknown") from None


@dataclass(frozen=True, slots=True)
class CompatConfig:
    """The dialects of other servers."""

    enabled: tuple[str, ...] = setting(
        "COMPAT_ENABLED",
        SettingType(_dialects, f"a list of {', '.join(DIALECTS)}; or none"),
        ("openai", "jambonz", "elevenlabs"),
    )
    model_aliases: tuple[ModelAlias, ...] = setting("MODEL_ALIASES_JSON", SettingType(_aliases, _ALIAS_WANTS), ())
    # The dialects' lists name the vendors and voices of this server, so they need a token unless this is set.
    public_discovery: bool = setting("PUBLIC_DISCOVERY", boolean, False)
    cors_origins: tuple[str, ...] = setting("CORS_ORIGINS", list_of(_origin), (), yaml="server.cors_origins")

    def alias(self, model: str) -> ModelAlias | None:
        """Return the alias of a model name, None where the operator gave none."""
        return next((each for each in self.model_aliases if each.name == model), None)
