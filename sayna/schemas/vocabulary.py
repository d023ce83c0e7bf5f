"""Names and descriptions that the speech schemas take from the providers and formats."""

from sayna import audio
from sayna.providers import ALIASES, PROVIDERS
from sayna.providers.base import SettingSpec

PROVIDER_NAMES = [*sorted(PROVIDERS), *(alias for alias, slug in ALIASES.items() if slug in PROVIDERS)]
FORMAT_NAMES = [*audio.FORMATS, *audio.ALIASES]


def _knob(name: str, knob: SettingSpec) -> str:
    if knob.choices:
        return f"`{name}` ({', '.join(knob.choices)})"
    if knob.low is not None and knob.high is not None:
        return f"`{name}` ({knob.low:.12g} to {knob.high:.12g})"
    return f"`{name}` ({ {bool: 'true or false', str: 'text'}.get(knob.kind, 'number') })"


def knobs() -> str:
    """Return a Markdown list of the `voice_settings` of each vendor."""
    lines = [
        f"- {slug}: {', '.join(_knob(name, knob) for name, knob in vendor.knobs.items())}"
        for slug, vendor in PROVIDERS.items()
        if vendor.knobs
    ]
    return "\n".join(["Settings of one vendor; an unknown name is refused.", "", *lines])


def credentials() -> str:
    """Return a Markdown list of the `auth` fields of each vendor."""
    lines = [
        f"- {slug}: {', '.join(f'`{name}`' for name in vendor.auth_fields)}"
        for slug, vendor in PROVIDERS.items()
        if vendor.auth_fields
    ]
    return "\n".join(["Your own credentials with the vendor, for this request only.", "", *lines])
