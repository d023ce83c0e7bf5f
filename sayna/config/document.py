"""A file of the operator in YAML or JSON that is no settings file, such as that of VOICES_PATH."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from sayna.config.fields import InvalidValue
from sayna.config.types import parse_json

# YAML 1.1 reads `no` as false and 0123 as 83; these are the forms of YAML 1.2, which are those of JSON.
_SCALARS = (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ("n", "~", "")),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
)


def read_document(path: Path) -> object:
    """Return what a YAML file, or a JSON file that ends in `.json`, holds.

    Raises InvalidValue for a file that cannot be read, has a mistake, or gives one name twice.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"cannot be read ({type(error).__name__})") from error
    return parse_json(text) if path.suffix == ".json" else _parse_yaml(text)


def _parse_yaml(text: str) -> object:
    import yaml  # noqa: PLC0415 - only a process with such a file pays for it

    try:
        return yaml.load(text, _loader(yaml))  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise InvalidValue("is nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InvalidValue(f"has a mistake or a repeated name{f' at line {mark.line + 1}' if mark else ''}") from error


def _loader(yaml: Any) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            # PyYAML itself takes the last of two equal names and reports nothing.
            names = [str(key.value) for key, _ in node.value]
            if len({*names}) < len(names):
                raise yaml.constructor.ConstructorError(None, None, "repeated name", node.start_mark)
            return dict(super().construct_mapping(node, deep))

    for kind, pattern, first in _SCALARS:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(rf"^(?:{pattern})$"), first)
    return Loader
