"""Names that are close to a setting's but none: `ELEVENLABS_APIKEY`, `provders:`."""

import difflib
from collections.abc import Iterable, Iterator

from sayna.config.fields import SettingInfo

# Of 0.88 and more, one or two letters differ; names of other programs, such as LOGNAME, are less alike.
ALIKE = 0.88
MAX_DIFFERENCE = 2  # letters
# HOST and PORT are too short: other programs have names that differ in one letter.
SHORTEST = 6


def misspelt_names(names: Iterable[str], known: Iterable[SettingInfo]) -> Iterator[str]:
    """Yield a sentence for each variable whose name is close to a setting's."""
    spellings = {name for info in known for name in (info.name, f"{info.name}_FILE" if info.secret else info.name)}
    plain = {_plain(name): name for name in spellings}
    for name in sorted(set(names) - spellings):
        if len(name) >= SHORTEST and (meant := plain.get(_plain(name)) or _nearest(name, spellings)):
            yield f"{name} is no setting of Sayna; did you mean {meant}?"


def misspelt_sections(found: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each section of a YAML file whose name is close to a known one."""
    sections = set(known)
    for name in sorted(set(found) - sections):
        if meant := difflib.get_close_matches(name, sections, 1, 0.8):
            yield f"The section {name} in SAYNA_CONFIG is not read; did you mean {meant[0]}?"


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").upper()


def _nearest(name: str, spellings: set[str]) -> str | None:
    name = name.upper()
    # difflib takes 20 us a pair, and a start has thousands of pairs where Kubernetes adds its variables.
    alike = [each for each in spellings if each[:2] == name[:2] and abs(len(each) - len(name)) <= MAX_DIFFERENCE]
    return next(iter(difflib.get_close_matches(name, alike, 1, ALIKE)), None)
