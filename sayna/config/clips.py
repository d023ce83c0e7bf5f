"""The settings of clip URLs, and of speech by GET."""

import re
from dataclasses import dataclass

from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, parse_json

MIN_SECRET = 32  # characters
# Telephone systems pass a URL through dial plans, where other characters have a meaning.
_PUBLIC = re.compile(r"(https?://[A-Za-z0-9.\[\]:-]{1,253}(?:/[A-Za-z0-9_-]+)*)/?")


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
