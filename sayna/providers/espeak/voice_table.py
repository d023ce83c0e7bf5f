"""The table of espeak-ng's voices: ids, names, tags and variants in, one identifier out."""

from sayna.engines.espeak_library import SAMPLE_RATE
from sayna.providers.base import Voice

DEFAULT_VOICE, DEFAULT_LANGUAGE = "gmw/en-US", "en-US"
# Known without the table, which costs a new process 50 ms. For espeak-ng itself plain "en" is British.
DEFAULTS = {"en-us": DEFAULT_VOICE, "en": DEFAULT_VOICE}

# Listed by espeak-ng, but espeakng-loader 0.2.4 lacks their dictionaries: they say nothing at all.
SILENT = ("gmq/fo", "trk/kaa", "art/xex")
# Suffixes of espeak-ng that mean another region in BCP 47: the BA of ca-ba is not Bosnia.
NOT_REGIONS = ("ca-ba", "ca-nw", "ca-va", "ru-cl")
REGION_LETTERS, SCRIPT_LETTERS = 2, 4
ALIASES = {"zh-hk": "yue", "zh-mo": "yue", "nn": "nb", "iw": "he", "in": "id"}


class EspeakVoices:
    """Every voice and variant installed, found by identifier, name or language tag in any case."""

    def __init__(self, table: str) -> None:
        rows = [line.split("\t") for line in table.splitlines()]
        self._variants = {name.lower(): name for name, *rest in rows if not rest}
        self._voices: dict[str, Voice] = {}
        self._ids: dict[str, str] = {}
        # espeak_SetVoiceByName itself refuses some tags that it lists, en-gb and fr-fr among them.
        self._by_tag: dict[str, tuple[int, str]] = {}
        for identifier, *rest in rows:
            if rest and identifier not in SILENT:
                self._add(identifier, *rest)

    def _add(self, identifier: str, name: str, tags: str) -> None:
        name, languages = name.strip(), []
        self._ids |= {name.lower(): identifier, identifier.lower(): identifier}
        for entry in tags.split():
            priority, _, tag = entry.partition(":")
            languages.append(_canonical(tag))
            if tag not in self._by_tag or int(priority) < self._by_tag[tag][0]:
                self._by_tag[tag] = (int(priority), identifier)
        self._voices[identifier] = Voice(
            id=identifier,
            name=name,
            provider="espeak",
            language=name.partition(" (")[0],
            languages=tuple(languages),
            sample_rates=(SAMPLE_RATE,),
            description=f"{len(self._variants)} variants change the timbre: {identifier}+f3, +klatt, ....",
        )

    def listed(self) -> list[Voice]:
        """Return the base voices; each takes any variant, which are not listed one by one."""
        return list(self._voices.values())

    def identifier(self, voice_id: str) -> str | None:
        """Return espeak-ng's identifier of a voice id with an optional +variant, None when it is unknown."""
        base, plus, variant = voice_id.lower().partition("+")
        found = self._ids.get(base) or self.for_tag(base)
        if not plus or not found:
            return found
        return f"{found}+{self._variants[variant]}" if variant in self._variants else None

    def for_tag(self, tag: str) -> str | None:
        """Return the voice that espeak-ng itself ranks first for a tag in lower case."""
        return self._by_tag.get(tag, (0, None))[1]

    def for_language(self, language: str) -> str | None:
        """Return the best voice for a BCP 47 tag, else for the tag without its last subtags."""
        tag = language.lower()
        while tag:
            tag = ALIASES.get(tag, tag)
            if found := DEFAULTS.get(tag) or self.for_tag(tag):
                return found
            tag = tag.rpartition("-")[0]
        return None

    def languages_of(self, voice_id: str) -> tuple[str, ...]:
        """Return all BCP 47 tags of a voice, none when the voice is unknown."""
        found = self.identifier(voice_id)
        return self._voices[found.partition("+")[0]].languages if found else ()


def _canonical(tag: str) -> str:
    """Write a tag the way BCP 47 recommends: a Script, a REGION, and the rest in lower case."""
    language, *subtags = tag.lower().split("-")
    if tag in NOT_REGIONS:
        return language
    public, x, private = "-".join(subtags).partition("x-")
    return "-".join([language, *map(_cased, filter(None, public.split("-"))), *filter(None, (x[:-1], private))])


def _cased(subtag: str) -> str:
    if len(subtag) == REGION_LETTERS:
        return subtag.upper()
    return subtag.title() if len(subtag) == SCRIPT_LETTERS else subtag
