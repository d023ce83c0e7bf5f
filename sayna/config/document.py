"""A file of the operator in YAML or JSON that has no settings, such as that of VOICES_PATH."""

from pathlib import Path

from sayna.config.fields import InvalidValue
from sayna.config.types import parse_json
from sayna.config.yamlfile import UNREADABLE, strict_loader


def read_document(path: Path) -> object:
    """Return what a YAML file, or a JSON file that ends in `.json`, holds.

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
        return yaml.load(text, strict_loader(yaml))  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, *UNREADABLE) as error:
        mark = getattr(error, "problem_mark", None)
        raise InvalidValue(f"has a mistake or a repeated name{f' at line {mark.line + 1}' if mark else ''}") from error
