"""The settings of endpoints for clients that exist already, and of web pages on other origins."""

from dataclasses import dataclass
from typing import NamedTuple

from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import boolean, list_of, matching, parse_json
from sayna.config.vendors import provider_slug

DIALECTS = ("openai", "jambonz", "elevenlabs", "marytts")
_ALIAS_WANTS = 'a JSON object such as {"tts-1": "azure", "tts-1-hd": "elevenlabs/eleven_turbo_v2_5"}'
# The form in which browsers send Origin: lower case, no path, no default port.
_origin = matching(
    r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", "such as https://app.example.com"
)


class ModelAlias(NamedTuple):
    """A model name of clients, and the provider and the model (may be empty) that it stands for."""

    name: str
    provider: str
    model: str


def _dialects(text: str) -> tuple[str, ...]:
    names = [name for name in map(str.strip, text.lower().split(",")) if name]
    if unknown := sorted(set(names) - {*DIALECTS, "none"}):
        raise InvalidValue(f"holds {unknown[0][:80]!r}, which is unknown")
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
