"""The YAML file of SAYNA_CONFIG, flattened into places such as `cache.ttl_seconds`, and files without settings."""

import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

from sayna.config.fields import InvalidValue
from sayna.config.misspelt import misspelt_sections
from sayna.config.types import parse_json

# PyYAML lets these out for a day such as 2026-13-45, an integer of 5,000 digits, and a tag of another type.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def read_yaml(path: Path, known: set[str], problems: list[str], warnings: list[str]) -> dict[str, str]:
    """Return the texts by their places; a file that cannot be read or an unknown place becomes a problem.

    A section whose name is close to a known one becomes a warning.
    """
    import yaml  # noqa: PLC0415 - only a process with a YAML file pays for it

    try:
        document = yaml.load(path.read_text("utf-8"), _loader(yaml))  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        problems.append(f"SAYNA_CONFIG cannot be read ({type(error).__name__}); set it to a YAML file.")
        return {}
    except (yaml.YAMLError, *UNREADABLE) as error:
        # The parser's own words may quote the file, and with it a secret.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        problems.append(f"SAYNA_CONFIG has a mistake or a repeated key{where}; set it to good YAML.")
        return {}
    if isinstance(document, dict):
        warnings.extend(misspelt_sections(map(str, document), (place.partition(".")[0] for place in known)))
    return dict(_flatten(document, known, problems))


def read_document(path: Path) -> object:
    """Return what a file of the operator holds, such as that of VOICES_PATH: YAML, or JSON where it ends in `.json`.

    Raises InvalidValue for a file that cannot be read, has a mistake, or gives one name twice.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"cannot be read ({type(error).__name__})") from error
    if path.suffix == ".json":
        return parse_json(text)
    import yaml  # noqa: PLC0415 - only a process with such a file pays for it

    try:
        return yaml.load(text, _strict_loader(yaml))  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, *UNREADABLE) as error:
        mark = getattr(error, "problem_mark", None)
        raise InvalidValue(f"has a mistake or a repeated name{f' at line {mark.line + 1}' if mark else ''}") from error


def _strict_loader(yaml: Any) -> Any:
    """Return a safe loader that refuses a key given twice."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            # PyYAML itself takes the last of two equal keys and reports nothing.
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    raise yaml.constructor.ConstructorError(None, None, "repeated key", key.start_mark)
                seen.add(str(key.value))
            return dict(super().construct_mapping(node, deep))

    return Loader


def _loader(yaml: Any) -> Any:
    """Return a strict loader that keeps every scalar as it is written."""
    loader = _strict_loader(yaml)
    # YAML would read +49 as 49, 0123 as 83 and yes as true, also where a number or a secret is meant.
    for tag in ("int", "float", "bool", "timestamp"):
        loader.add_constructor(f"tag:yaml.org,2002:{tag}", yaml.SafeLoader.construct_yaml_str)
    return loader


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
            yield from _backend(value)
        else:
            yield f"{section}.{key}", _as_text(value)


def _backend(content: dict[object, object]) -> Iterator[tuple[str, str]]:
    """Yield the settings of one storage; their place names its type: `recording.backend[s3].bucket`."""
    kind = _as_text(content.get("type")).lower()
    for key, value in content.items():
        yield ("recording.backend.type" if key == "type" else f"recording.backend[{kind}].{key}", _as_text(value))


def _as_text(value: object) -> str:
    """Return a value as the environment would spell it: lists of texts by commas, structures as JSON."""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ",".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return "" if value is None else str(value)
