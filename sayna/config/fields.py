"""One setting: a dataclass field that knows its variable, its type and its default."""

from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, Generic, TypeVar

T = TypeVar("T")
D = TypeVar("D")


class ConfigError(Exception):
    """The settings cannot be used; `problems` has one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        # All problems at once: otherwise an operator with three mistakes needs three starts to find them.
        super().__init__("\n".join(["The configuration has problems:", *(f"- {line}" for line in problems)]))
        self.problems = problems


class InvalidValue(ValueError):
    """A value that its type refuses; each reason continues a sentence that begins with the variable's name."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class SettingType(Generic[T]):
    """The type of a setting's text: `parse` raises InvalidValue, `wants` says what to set instead.

    `hint` is a function where the text depends on the providers, which are imported after the settings.
    """

    parse: Callable[[str], T]
    hint: str | Callable[[], str]
    secret: bool = False
    shown: bool = True

    @property
    def wants(self) -> str:
        """What an operator may set, as a noun phrase."""
        return self.hint if isinstance(self.hint, str) else self.hint()


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What the documents say about one setting; `yaml` is its place in the file of SAYNA_CONFIG, if any.

    A `computed` default is a phrase such as "the first configured one". `path` leads from Config to the value.
    """

    name: str
    default: str
    kind: SettingType[Any]
    yaml: str | None
    computed: bool = False
    group: str = ""
    path: str = ""
    description: str = ""

    @property
    def secret(self) -> bool:
        """Whether the value is hidden and may also come from a file named by `<name>_FILE`."""
        return self.kind.secret


def setting(
    name: str,
    kind: SettingType[T],
    default: D,
    description: str = "",
    *,
    yaml: str | None = None,
    shown: str | None = None,
) -> T | D:
    """Return the dataclass field of one setting.

    `description` is for a vendor's setting, because a vendor is one file; descriptions.yaml has the others.
    `yaml` is its place in YAML where the rule of described() gives another, "" for none. `shown` is a phrase
    for a computed default.
    """
    words = _text(default) if shown is None else shown
    info = SettingInfo(name, words, kind, yaml, computed=shown is not None, description=description)
    return field(default=default, metadata={"setting": info})


def _text(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


@cache
def described(each: "Field[Any]", path: tuple[str, ...]) -> SettingInfo | None:
    """Return the setting of a field with its places in Config and in YAML, None for a field that is a section."""
    info: SettingInfo | None = each.metadata.get("setting")
    if info is None:
        return None
    yaml = _place(info, each.name, path[0]) if info.yaml is None else info.yaml
    return replace(info, group=path[-1], path=".".join((*path, each.name)), yaml=yaml)


def _place(info: SettingInfo, field_name: str, section: str) -> str:
    # The reference keeps the settings of all providers in one section, under the names of their variables.
    if section == "providers":
        return f"providers.{info.name.lower()}"
    kind, _, rest = field_name.partition("_")
    if section == "recording" and kind in ("s3", "gcs", "local"):
        return f"recording.backend[{kind}].{rest}"
    # A field such as bind_setting stands beside the property `bind`, which computes the default.
    return f"{section}.{field_name.removesuffix('_setting')}"


def walk(section: Any, *path: str) -> Iterator[SettingInfo]:
    """Yield every setting of a section and of the sections in it, in the order they are written."""
    for each in fields(section):
        info = described(each, path)
        if info is None:
            yield from walk(getattr(section, each.name), *path, each.name)
        else:
            yield info


def quoted(text: str) -> str:
    """Return how a sentence quotes a wrong value, "" for one that may be a URL with a password or a token."""
    return "" if "@" in text or "?" in text else repr(text[:80])


def require_both(given: frozenset[str], one: str, other: str) -> Iterator[str]:
    """Yield a sentence when only one of two settings is given."""
    if (one in given) != (other in given):
        yield f"{one} and {other} come together; set both or neither."
