"""Writes the pages that list every setting and every provider: `python scripts/settings_page.py` after a change."""

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sayna.config import settings  # noqa: E402
from sayna.config.fields import SettingInfo  # noqa: E402
from sayna.config.sources import read_document  # noqa: E402
from sayna.providers import PROVIDERS  # noqa: E402
from sayna.providers.base import TTSProvider  # noqa: E402

DESCRIPTIONS: Any = read_document(ROOT / "sayna" / "config" / "descriptions.yaml")
BEGIN, END = "<!-- providers: written by `python scripts/settings_page.py` -->", "<!-- end of providers -->"
_INTRODUCTION = """\
# Settings

Written by `python scripts/settings_page.py`; change the fields in `sayna/config/` and `sayna/providers/` instead.

A setting comes from the environment, else from `.env` in the folder where the server starts, else from the
YAML file that `SAYNA_CONFIG` names, else it has its default. An empty text counts as not set. Everything is
checked at start: the server lists all problems at once and does not start with any.

- A secret `X` may come from a file: `X_FILE=/run/secrets/x`. Setting both is a mistake.
- Booleans are `true`, `1`, `yes`, `on`, `false`, `0`, `no` and `off`, in any case.
- Lists are separated by commas in the environment and are lists in YAML.
- `recording.backend[s3].bucket` is `bucket` below `recording.backend` when its `type` is `s3`.
- A vendor with none of its settings is off; with half of them the server does not start.
- `SIP_HOOKS_JSON` entries have `host`, `url`, and may have `auth_id`, `events` and their own `secret`.
- `SIP_FROM_NUMBERS_JSON` entries have `auth_id` and `numbers`, a list of texts."""
_HEAD = """\
| provider | needs | what it is asked for; every format is made from that | speed | characters at once | first sound | `voice_settings` |
|---|---|---|---|---|---|---|"""  # noqa: E501


def env_example() -> str:
    """Return `.env.example`: every setting, commented out, with its default."""
    lines = [
        "# Every setting with its default. Copy to .env and take away the # of what you change.",
        "# A secret X may also come from a file: X_FILE=/run/secrets/x",
    ]
    for group, members in groupby(settings(), key=lambda info: info.group):
        lines += ["", f"# --- {group} ---"]
        for info in members:
            lines += [
                f"# {_description(info)}{_words(info)}",
                f"#{info.name}={'' if info.computed else info.default}",
            ]
    return "\n".join(lines) + "\n"


def _description(info: SettingInfo) -> str:
    return str(info.description or DESCRIPTIONS[info.name])


def _words(info: SettingInfo) -> str:
    return f" Default: {info.default}." if info.computed else ""


def table() -> str:
    """Return `docs/settings.md`: every setting with its default, place in YAML and meaning."""
    lines = [*_INTRODUCTION.splitlines(), ""]
    for group, members in groupby(settings(), key=lambda info: info.group):
        lines += [f"## {group}", "", "| variable | default | in YAML | |", "|---|---|---|---|"]
        lines += [_setting_row(info) for info in members]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _setting_row(info: SettingInfo) -> str:
    name = f"`{info.name}`" + (" (secret)" if info.secret else "")
    default = info.default if info.computed else _code(info.default)
    return f"| {name} | {default} | {_code(info.yaml)} | {_description(info)} Set {info.kind.wants}. |"


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def providers_table() -> str:
    """Return the table in Markdown, one row a provider, the preferred one first."""
    return "\n".join([_HEAD, *map(_provider_row, PROVIDERS.values())])


def _provider_row(provider: type[TTSProvider]) -> str:
    slug, facts = provider.slug, provider.facts
    limit = f"{provider.max_bytes} bytes" if provider.max_bytes else str(provider.max_chars or "any")
    cells = (
        f"[`{slug}`](docs/providers/{slug}.md){facts.remark}",
        facts.needs,
        facts.formats,
        "-".join(map(str, provider.rates)),
        limit,
        facts.first_sound,
        ", ".join(provider.voice_settings),
    )
    return f"| {' | '.join(cells)} |"


def write_table(readme: Path) -> None:
    """Write the table into a README, between its two marks."""
    head, _, rest = readme.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    readme.write_text(f"{head}{BEGIN}\n{providers_table()}\n{END}{tail}", "utf-8")


def write(root: Path) -> None:
    """Write `.env.example`, `docs/settings.md` and the README's table of providers into a checkout."""
    (root / ".env.example").write_text(env_example(), "utf-8")
    (root / "docs" / "settings.md").write_text(table(), "utf-8")
    write_table(root / "README.md")


if __name__ == "__main__":
    write(ROOT)
