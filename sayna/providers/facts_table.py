"""The README's table of the providers, from what their classes say."""

from pathlib import Path

from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider

BEGIN, END = "<!-- providers: written by `python -m sayna.config` -->", "<!-- end of providers -->"
_HEAD = """\
| provider | needs | what it is asked for; every format is made from that | speed | characters at once | first sound | `voice_settings` |
|---|---|---|---|---|---|---|"""  # noqa: E501


def providers_table() -> str:
    """Return the table in Markdown, one row a provider, the preferred one first."""
    return "\n".join([_HEAD, *map(_row, PROVIDERS.values())])


def _row(provider: type[TTSProvider]) -> str:
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
