"""The types of settings; each turns trimmed text into a value or says why it cannot."""

import hmac
import ipaddress
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from sayna.config.fields import InvalidValue, SettingType, quoted

S = TypeVar("S")
T = TypeVar("T")
N = TypeVar("N", int, float)

_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


class Secret:
    """A secret whose repr, str and format are `***`; only `reveal()` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        # compare_digest takes text only when it is ASCII; bytes it always takes.
        own, others = (each.reveal().encode("utf-8", "surrogateescape") for each in (self, other))
        return hmac.compare_digest(own, others)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    # dataclasses.asdict() copies deeply, and a log or a cache is soon reached from there.
    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is never pickled or copied; reveal() it where it is used.")


def _boolean(text: str) -> bool:
    # A typo must not mean false: that would switch authentication off.
    if text.lower() not in _BOOLEANS:
        raise InvalidValue("is neither yes nor no")
    return _BOOLEANS[text.lower()]


def _printable(text: str) -> str:
    # Not printable are also the lone surrogates that stand for undecodable bytes of the environment.
    if not text.isprintable():
        raise InvalidValue("has control characters")
    return text


def _path(text: str) -> Path:
    return Path(_printable(text))


def _folder(text: str) -> Path:
    path = _path(text)
    # Path.is_dir() raises an error for a folder in one that may not be read.
    if not os.path.isdir(path):  # noqa: PTH112
        raise InvalidValue("is not a folder")
    return path


def _token(text: str) -> Secret:
    # The key travels in an HTTP header, which carries only these characters unchanged.
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise InvalidValue("is empty, or has spaces, control characters or letters outside ASCII")
    return Secret(text)


boolean = SettingType(_boolean, "true or false")
path = SettingType(_path, "a path")
folder = SettingType(_folder, "an existing folder")
secret = SettingType(lambda text: Secret(_printable(text)), "one line of text", secret=True)
token = SettingType(_token, "the key alone, without spaces or line breaks", secret=True)


def integer(low: int, high: int) -> SettingType[int]:
    """Return the type of a whole number from `low` to `high`."""
    # int() would also take "1_000" and the digits of other scripts.
    return _within(low, high, int, r"-?[0-9]{1,18}", "a whole number")


def number(low: float, high: float) -> SettingType[float]:
    """Return the type of a decimal number from `low` to `high`."""
    # float() would also take "nan" and "inf".
    return _within(low, high, float, r"[0-9]{1,9}(\.[0-9]{1,9})?", "a number")


def _within(low: N, high: N, convert: Callable[[str], N], pattern: str, noun: str) -> SettingType[N]:
    def parse(text: str) -> N:
        if not re.fullmatch(pattern, text):
            raise InvalidValue(f"is not {noun}")
        if not low <= convert(text) <= high:
            raise InvalidValue("is out of range")
        return convert(text)

    return SettingType(parse, f"{noun} from {low} to {high}")


def choice(*names: str) -> SettingType[str]:
    """Return the type of one of some names, in any case, given back as written here."""
    known = {name.lower(): name for name in names}

    def parse(text: str) -> str:
        if text.lower() not in known:
            raise InvalidValue("is unknown")
        return known[text.lower()]

    return SettingType(parse, "one of " + ", ".join(names))


def matching(pattern: str, wants: str) -> SettingType[str]:
    """Return the type of a text that the whole of `pattern` matches."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise InvalidValue("has the wrong form")
        return text

    return SettingType(parse, wants)


def list_of(one: SettingType[T]) -> SettingType[tuple[T, ...]]:
    """Return the type of a comma-separated list whose entries are all of one type."""

    def parse(text: str) -> tuple[T, ...]:
        texts = [entry for entry in map(str.strip, text.split(",")) if entry]
        names = [quoted(entry) or f"entry {place}" for place, entry in enumerate(texts, 1)]
        return _every(one.parse, texts, names)

    return SettingType(parse, f"a comma-separated list, each entry {one.wants}", shown=False)


def json_list(parse_one: Callable[[dict[str, object]], T], wants: str) -> SettingType[tuple[T, ...]]:
    """Return the secret type of a JSON array of objects; a problem names a bad entry by its place only."""

    def parse(text: str) -> tuple[T, ...]:
        found = parse_json(text)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise InvalidValue("is not a JSON array of objects")
        return _every(parse_one, found, [f"entry {place}" for place in range(1, len(found) + 1)])

    return SettingType(parse, wants, secret=True)


def _every(parse: Callable[[S], T], texts: list[S], names: list[str]) -> tuple[T, ...]:
    found: list[T] = []
    reasons: list[str] = []
    for name, text in zip(names, texts, strict=True):
        try:
            found.append(parse(text))
        except InvalidValue as wrong:
            reasons += (f"holds {name}, which {reason}" for reason in wrong.reasons)
    if reasons:
        raise InvalidValue(*reasons)
    return tuple(found)


def parse_json(text: str) -> object:
    """Return what a JSON text means; raises InvalidValue for bad JSON and for a name given twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise InvalidValue("has an object that gives one name twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    # The parser's message may quote the text, and with it a secret.
    except (ValueError, RecursionError) as error:
        raise (error if isinstance(error, InvalidValue) else InvalidValue("is not JSON")) from None


def _network(text: str) -> str:
    try:
        # Not strict: 10.0.0.1/8 means its network, as it does for LiveKit and nginx.
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidValue("is no address") from None
    return text


network = SettingType(_network, "an IPv4 or IPv6 address or CIDR such as 10.0.0.0/8")
