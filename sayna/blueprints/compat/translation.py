"""What the dialects share: names of models and voices, and lists of what this server has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import g

from sayna.blueprints.context import services
from sayna.errors import InvalidRequest
from sayna.providers import ALIASES, PROVIDERS
from sayna.providers.base import Voice
from sayna.speech.own_voices import ALIAS

# `provider/voice`, and `provider:voice` for clients that put the voice into the path.
ADDRESS = re.compile(r"([A-Za-z-]{1,32})[/:](.+)", re.DOTALL)


def slug_of(text: str) -> str:
    """Return the slug of a provider's name in any case or of its alias, "" for any other text."""
    name = ALIASES.get(text.lower(), text.lower())
    return name if name in PROVIDERS else ""


def named_voice(text: str) -> tuple[str, str]:
    """Return provider and voice of an own voice or of an address; any other text is a voice of the chosen provider."""
    return (ALIAS, text) if text in services().planner.own_voices else _addressed(text)


def _addressed(text: str) -> tuple[str, str]:
    """Return provider and name, the provider empty where the text has none."""
    found = ADDRESS.fullmatch(text)
    slug = slug_of(found[1]) if found else ""
    return (slug, found[2]) if found and slug else ("", text)


def named_model(text: str) -> tuple[str, str]:
    """Return provider and model of `provider`, `provider/model` or an operator's alias; either may be empty."""
    if alias := services().config.compat.alias(text):
        return alias.provider, alias.model
    slug = slug_of(text)
    return (slug, "") if slug else _addressed(text)


def is_configured(slug: str) -> bool:
    """Return whether this server can call the provider."""
    return services().providers[slug].configured


def usable_providers() -> list[str]:
    """Return the slugs of the configured providers that the caller may use, the preferred one first."""
    return list(filter(g.caller.may_use, services().catalogue.slugs()))


def integer(values: Mapping[str, str], name: str) -> int | None:
    """Return a whole number of a query or form, None when it is left out; raises InvalidRequest."""
    text = values.get(name, "")
    if text and not re.fullmatch("[0-9]{1,6}", text):
        raise InvalidRequest(f"{name} must be a whole number", field=name)
    return int(text) if text else None


def kept_voices(provider: str = "") -> Iterator[Voice]:
    """Yield the operator's own voices, then the known ones of all providers or of one; no vendor is waited for."""
    if provider in ("", ALIAS):
        yield from services().planner.listed(g.caller.may_use)
    for listed in services().catalogue.kept(provider).restricted_to(g.caller.may_use).lists.values():
        yield from listed.voices


def address_of(voice: Voice) -> str:
    """Return the name of one of the operator's voices, and `provider:voice` of any other."""
    return voice.id if voice.provider == ALIAS else f"{voice.provider}:{voice.id}"


def language_tag(voice: Voice) -> str:
    """Return the BCP 47 tag of a voice, "" where it is unknown."""
    return voice.languages[0] if voice.languages else ""


def described(voice: Voice) -> dict[str, Any]:
    """Return the fields of a voice that every dialect's list has."""
    return {"name": voice.name, "language": language_tag(voice), "gender": voice.gender.lower()}
