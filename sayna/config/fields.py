"""One setting: a dataclass field that knows its variable, its kind, its default and its sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Generic, TypeVar, cast

T = TypeVar("T")
D = TypeVar("D")


class ConfigError(Exception):
    """The settings cannot be used; `problems` holds one sentence for each thing to put right."""

    def __init__(self, problems: list[str]) -> None:
        # All at once: whoever mends one setting at a start needs as many starts as mistakes.
        super().__init__("\n".join(["The configuration has problems:", *(f"- {line}" for line in problems)]))
        self.problems = problems


class InvalidValue(ValueError):
    """A value that its kind refuses; each reason continues a sentence begun by the variable's name."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class SettingType(Generic[T]):
    """What a setting's text may be: `parse` raises Wrong, `wants` says what to set instead."""

    parse: Callable[[str], T]
    wants: str
    secret: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What the documents say about one setting; `yaml` is its place in the file of SAYNA_CONFIG.

    A `computed` default is told in words.
    """

    name: str
    default: str
    doc: str
    kind: SettingType[object]
    yaml: str | None
    computed: bool = False
    group: str = ""

    @property
    def secret(self) -> bool:
        """Whether the value is hidden and may also come from a file named by `<name>_FILE`."""
        return self.kind.secret


def setting(
    name: str,
    kind: SettingType[T],
    default: D,
    doc: str,
    *,
    yaml: str | None = None,
    shown: str | None = None,
) -> T | D:
    """Return the dataclass field of one setting; `shown` is the default in words where it is computed."""
    words = _text(default) if shown is None else shown
    info = SettingInfo(name, words, doc, cast("SettingType[object]", kind), yaml, computed=shown is not None)
    return cast("T | D", field(default=default, metadata={"setting": info}))


def _text(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def walk(section: type, group: str = "") -> Iterator[SettingInfo]:
    """Yield every setting of a dataclass and of the dataclasses in it, in the order they are written."""
    for each in fields(section):
        info = each.metadata.get("setting")
        if info is not None:
            yield replace(info, group=group)
        elif isinstance(each.type, type) and is_dataclass(each.type):
            yield from walk(each.type, each.name)


def require_both(given: frozenset[str], one: str, other: str) -> Iterator[str]:
    """Yield a sentence when only one of two settings is given."""
    if (one in given) != (other in given):
        yield f"{one} and {other} come together; set both or neither."
