"""Names and descriptions that the speech schemas take from the providers and formats."""

import json

from sayna import audio
from sayna.providers import ALIASES, PROVIDERS
from sayna.providers.base import SettingSpec

PROVIDER_NAMES = [*sorted(PROVIDERS), *ALIASES]
FORMAT_NAMES = [*audio.FORMATS, *audio.ALIASES]


def _setting(name: str, spec: SettingSpec) -> str:
    if spec.choices:
        return f"`{name}` ({', '.join(spec.choices)})"
    if spec.low is not None and spec.high is not None:
        return f"`{name}` ({spec.low:.12g} to {spec.high:.12g})"
    return f"`{name}` ({ {bool: 'true or false', str: 'text'}.get(spec.kind, 'number') })"


def voice_settings() -> str:
    """Return a Markdown list of the `voice_settings` of each vendor."""
    lines = [
        f"- {slug}: {', '.join(_setting(name, spec) for name, spec in vendor.voice_settings.items())}"
        for slug, vendor in sorted(PROVIDERS.items())
        if vendor.voice_settings
    ]
    return "\n".join(["Settings of one vendor; an unknown name is refused.", "", *lines])


def vendors() -> bytes:
    """Return as JSON what a form asks of each vendor: whether it is free, its model and its voice settings."""
    found = {
        slug: {
            "local": vendor.local,
            "model": vendor.default_model,
            "settings": {
                name: {"kind": spec.kind.__name__, "low": spec.low, "high": spec.high, "choices": spec.choices}
                for name, spec in vendor.voice_settings.items()
            },
        }
        for slug, vendor in sorted(PROVIDERS.items())
    }
    return json.dumps(found, separators=(",", ":")).encode()


def credentials() -> str:
    """Return a Markdown list of the `auth` fields of each vendor."""
    lines = [
        f"- {slug}: {', '.join(f'`{name}`' for name in vendor.auth_fields)}"
        for slug, vendor in sorted(PROVIDERS.items())
        if vendor.auth_fields
    ]
    return "\n".join(["Your own credentials with the vendor, for this request only.", "", *lines])
