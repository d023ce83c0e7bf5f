"""Checks `voice_settings` against the provider's own list of settings."""

from collections.abc import Mapping
from typing import Any

from sayna.errors import InvalidRequest
from sayna.providers.base import SettingSpec, TTSProvider

_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}


def checked(given: Mapping[str, Any], provider: TTSProvider) -> Mapping[str, Any]:
    """Return the settings; raises InvalidRequest for an unknown name or a value outside its range."""
    known = ", ".join(sorted(provider.voice_settings)) or "none"
    settings = {}
    for name, value in given.items():
        if name not in provider.voice_settings:
            raise InvalidRequest(f"voice_settings of {provider.slug} has no {name[:64]!r}; send only {known}")
        spec = provider.voice_settings[name]
        # 50.0 is an integer, as in JSON Schema.
        is_whole = spec.kind is int and type(value) is float and value.is_integer()
        settings[name] = int(value) if is_whole else value
        _check(name, settings[name], spec)
    return settings


def _check(name: str, value: Any, spec: SettingSpec) -> None:
    kinds = (int, float) if spec.kind is float else (spec.kind,)
    # Not isinstance(): to Python, true is an integer.
    if type(value) not in kinds:
        raise InvalidRequest(f"voice_settings.{name} must be {_KINDS[spec.kind]}")
    if spec.choices and value not in spec.choices:
        raise InvalidRequest(f"voice_settings.{name} must be one of {', '.join(spec.choices)}")
    if (spec.low is not None and value < spec.low) or (spec.high is not None and value > spec.high):
        raise InvalidRequest(f"voice_settings.{name} must lie between {spec.low:g} and {spec.high:g}")
