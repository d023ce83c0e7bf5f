"""`voice_settings`: checked against the settings that the provider declares."""

from collections.abc import Mapping
from typing import Any

from sayna.errors import InvalidRequest
from sayna.providers.base import SettingSpec, TTSProvider

_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}


def checked(given: Mapping[str, Any], provider: TTSProvider) -> Mapping[str, Any]:
    """Return the settings; raises InvalidRequest for one that the vendor does not know or take."""
    known = ", ".join(sorted(provider.voice_settings)) or "none"
    for name, value in given.items():
        if name not in provider.voice_settings:
            raise InvalidRequest(f"voice_settings for {provider.slug}: known are {known}; not {name[:64]!r}")
        _check(name, value, provider.voice_settings[name])
    return given


def _check(name: str, value: Any, spec: SettingSpec) -> None:
    kinds = (int, float) if spec.kind is float else (spec.kind,)
    # Not isinstance(): to Python, true is an integer.
    if type(value) not in kinds:
        raise InvalidRequest(f"voice_settings.{name} must be {_KINDS[spec.kind]}")
    if spec.choices and value not in spec.choices:
        raise InvalidRequest(f"voice_settings.{name} must be one of {', '.join(spec.choices)}")
    if (spec.low is not None and value < spec.low) or (spec.high is not None and value > spec.high):
        raise InvalidRequest(f"voice_settings.{name} must lie between {spec.low:g} and {spec.high:g}")
