"""Where settings come from: the environment, .env, files named by <name>_FILE, and YAML; and misspelt names."""

import difflib
import json
import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sayna.config.fields import InvalidValue, SettingInfo
from sayna.config.types import parse_json

# Of 0.88 and more, one or two letters differ; names of other programs, such as LOGNAME, are less alike.
ALIKE = 0.88
MAX_DIFFERENCE = 2  # letters
# HOST and PORT are too short: other programs have names that differ in one letter.
SHORTEST = 6

# PyYAML lets these out for a day such as 2026-13-45, an integer of 5,000 digits, and a tag of another type.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


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


def read_yaml(path: Path, known: set[str], problems: list[str], warnings: list[str]) -> dict[str, str]:
    """Return the texts by their places; a file that cannot be read or an unknown place becomes a problem.

    A section whose name is close to a known one becomes a warning.
    """
    try:
        text = _text_of(path)
    except InvalidValue as wrong:
        problems.append(f"SAYNA_CONFIG {wrong}; set it to a YAML file.")
        return {}
    try:
        document = _parsed(text, "key", as_written=True)
        if isinstance(document, dict):
            warnings.extend(misspelt_sections(map(str, document), (place.partition(".")[0] for place in known)))
        return dict(_flatten(document, known, problems))
    except InvalidValue as wrong:
        # Without its cause: the parser's own words may quote the file, and with it a secret.
        problems.append(f"SAYNA_CONFIG {wrong}; set it to good YAML.")
        return {}


def read_document(path: Path) -> object:
    """Return what a file of the operator holds, such as that of VOICES_PATH: YAML, or JSON where it ends in `.json`.

    Raises InvalidValue for a file that cannot be read, has a mistake, or gives one name twice.
    """
    text = _text_of(path)
    return parse_json(text) if path.suffix == ".json" else _parsed(text, "name")


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise InvalidValue(f"cannot be read ({type(error).__name__})") from error


def is_json_object(text: str) -> bool:
    """Return whether a text is a JSON object."""
    try:
        return isinstance(parse_json(text), dict)
    except InvalidValue:
        return False


def is_json_file(path: str | Path) -> bool:
    """Return whether a file holds a JSON object."""
    try:
        return is_json_object(Path(path).read_text("utf-8"))
    except (OSError, ValueError):
        return False


def _parsed(text: str, noun: str, *, as_written: bool = False) -> object:
    """Return what YAML means, or with its scalars `as_written`; raises InvalidValue for a mistake or a key twice."""
    import yaml  # noqa: PLC0415 - only a process with a YAML file pays for it

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            # PyYAML itself takes the last of two equal keys and reports nothing.
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    raise yaml.constructor.ConstructorError(None, None, "repeated key", key.start_mark)
                seen.add(str(key.value))
            return dict(super().construct_mapping(node, deep))

    # YAML would read +49 as 49, 0123 as 83 and yes as true, also where a number or a secret is meant.
    for tag in ("int", "float", "bool", "timestamp") if as_written else ():
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", cast("Any", yaml.SafeLoader).construct_yaml_str)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, *UNREADABLE) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InvalidValue(f"has a mistake or a repeated {noun}{where}") from error


def _flatten(document: object, known: set[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(document, dict | None):
        problems.append("SAYNA_CONFIG names a file that is not a mapping; write sections such as `server:` in it.")
        return
    sections = {place.partition(".")[0] for place in known}
    for section, content in (document or {}).items():
        # Sections of the reference that Sayna does not have, such as `stt`, are not read.
        if section not in sections:
            continue
        if not isinstance(content, dict | None):
            problems.append(f"{section} in SAYNA_CONFIG is not a mapping; write its settings below it.")
            continue
        for place, value in _leaves(section, content or {}):
            if place not in known:
                problems.append(f"{place} in SAYNA_CONFIG is no setting; correct or remove it.")
            yield place, value


def _leaves(section: str, content: dict[object, object]) -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if section == "recording" and key == "backend" and isinstance(value, dict):
            # The places of a storage's settings name its type: `recording.backend[s3].bucket`.
            below = f"recording.backend[{_as_text(value.get('type')).lower()}]"
            for name, each in value.items():
                yield ("recording.backend.type" if name == "type" else f"{below}.{name}", _as_text(each))
        else:
            yield f"{section}.{key}", _as_text(value)


def _as_text(value: object) -> str:
    """Return a value as the environment would spell it: lists of texts by commas, structures as JSON."""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ",".join(value)
    if isinstance(value, list | dict):
        try:
            return json.dumps(value)
        # A list that holds itself, and the sets and bytes of YAML.
        except (TypeError, ValueError) as error:
            raise InvalidValue("has a mistake or a repeated key") from error
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of all settings before they are parsed; `problems` grows while they are read.

    `warnings` has a sentence for each name that is close to a setting's.
    """

    variables: Mapping[str, str]
    yaml: dict[str, str]
    folder: Path
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def text(self, info: SettingInfo) -> str:
        """Return a setting's trimmed text, empty when it is set nowhere."""
        text = self.variables.get(info.name, "").strip()
        if info.secret:
            text = self._from_file(info.name, text)
        return text or (self.yaml.get(info.yaml, "").strip() if info.yaml else "")

    def origin(self, info: SettingInfo, environ: Mapping[str, str]) -> str:
        """Return where a setting comes from: a variable, .env, a file, YAML, or nothing for its default."""
        for name in (info.name, f"{info.name}_FILE") if info.secret else (info.name,):
            if self.variables.get(name, "").strip():
                file = f" {self.variables[name].strip()}" if name != info.name else ""
                return (name if environ.get(name, "").strip() else f"{name} in .env") + file
        return f"{info.yaml} in SAYNA_CONFIG" if info.yaml and self.yaml.get(info.yaml, "").strip() else ""

    def _from_file(self, name: str, text: str) -> str:
        place = self.variables.get(f"{name}_FILE", "").strip()
        if not place:
            return text
        if text:
            self.problems.append(f"{name} and {name}_FILE are both set; set only one of them.")
            return text
        try:
            # A file ends in a line break that is no part of the key.
            return (self.folder / place).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}_FILE cannot be read ({type(error).__name__}); set it to a readable file.")
            return ""


def find(environ: Mapping[str, str], folder: Path, known: list[SettingInfo], *, dotenv: bool) -> Sources:
    """Return the sources of one start; the environment beats `.env`, and both beat YAML."""
    problems: list[str] = []
    warnings: list[str] = []
    variables = _dotenv(folder / ".env", problems) if dotenv else {}
    # A blank variable, as compose files leave it, does not hide what .env says.
    variables |= {name: value for name, value in environ.items() if value.strip()}
    place = variables.get("SAYNA_CONFIG", "").strip()
    places = {info.yaml for info in known if info.yaml}
    yaml = read_yaml(folder / place, places, problems, warnings) if place else {}
    return Sources(variables, yaml, folder, problems, [*misspelt_names(variables, known), *warnings])


def _dotenv(path: Path, problems: list[str]) -> dict[str, str]:
    try:
        # Path.exists() raises an error in a folder that may not be read.
        return read_variables(path) if os.path.exists(path) else {}  # noqa: PTH110
    except (OSError, ValueError) as error:
        problems.append(f"The file .env cannot be read ({type(error).__name__}); repair or remove it.")
        return {}


def read_variables(path: Path) -> dict[str, str]:
    """Return the variables of a file like .env that are not empty; raises OSError or ValueError."""
    from dotenv import dotenv_values  # noqa: PLC0415 - only a process with such a file pays for it

    # No interpolation: a $ in a password means a $.
    found = dotenv_values(path, interpolate=False, encoding="utf-8")
    return {name: value for name, value in found.items() if value}
