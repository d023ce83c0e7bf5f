"""Checks `voice_settings` against the provider's own list of settings."""

from collections.abc import Mapping
from typing import Any

from sayna.errors import InvalidRequest
from sayna.providers.base import SettingSpec, TTSProvider

_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}


def checked(given: Mapping[str, Any], provider: TTSProvider) -> Mapping[str, Any]:
    """Return the settings; raises InvalidRequest for an unknown name or a value outside its range."""
    known = ", ".join(sorted(provider.knobs)) or "none"
    settings = {}
    for name, value in given.items():
        if name not in provider.knobs:
            raise InvalidRequest(f"voice_settings of {provider.slug} has no {name[:64]!r}; send only {known}")
        settings[name] = _without_fraction(value, provider.knobs[name])
        _check(name, settings[name], provider.knobs[name])
    return settings


def _without_fraction(value: Any, knob: SettingSpec) -> Any:
    """Return 50 for 50.0 where the setting is an integer, as in JSON Schema."""
    return int(value) if knob.kind is int and type(value) is float and value.is_integer() else value


def _check(name: str, value: Any, knob: SettingSpec) -> None:
    kinds = (int, float) if knob.kind is float else (knob.kind,)
    # Not isinstance(): to Python, true is an integer.
    if type(value) not in kinds:
        raise InvalidRequest(f"voice_settings.{name} must be {_KINDS[knob.kind]}")
    if knob.choices and value not in knob.choices:
        raise InvalidRequest(f"voice_settings.{name} must be one of {', '.join(knob.choices)}")
    if (knob.low is not None and value < knob.low) or (knob.high is not None and value > knob.high):
        raise InvalidRequest(f"voice_settings.{name} must lie between {knob.low:g} and {knob.high:g}")
