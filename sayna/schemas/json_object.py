"""Strict JSON: one object in UTF-8, of limited depth, whose numbers and strings every parser reads alike."""

import json
import math
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, NoReturn

from sayna.errors import InvalidRequest

# json.loads raises RecursionError at some 5,000 levels, a 500 in plain Flask (measured).
MAX_DEPTH = 32
TOO_DEEP = f"the body is nested deeper than {MAX_DEPTH} levels"
# json.loads accepts half a surrogate pair, on which every .encode() fails, and NUL, which ends a text for
# C libraries.
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the body as an object; raises InvalidRequest that says what is wrong with it."""
    value = parse_json(body)
    if type(value) is not dict:
        raise InvalidRequest("the body is JSON but not an object; send {...}")
    return value


def parse_json(body: bytes) -> Any:
    """Return the value of a body, or of JSON inside one; raises InvalidRequest."""
    if not body.strip():
        raise InvalidRequest("the body is empty; send one JSON object")
    try:
        # Decode here: json.loads would accept UTF-16 and UTF-32 too. The codec skips one byte order mark.
        value = _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    except RecursionError as error:
        raise InvalidRequest(TOO_DEEP) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"the body is not JSON ({place}: {error.msg}); send one JSON object") from error
    # The decoders refuse NUL and half pairs but behind an escape.
    _check([value], MAX_DEPTH, has_escapes=b"\\u" in body)
    return value


def _check(values: Iterable[Any], levels: int, *, has_escapes: bool) -> None:
    """Raise InvalidRequest for more than `levels` levels, and for a forbidden character in a value or a name."""
    for value in values:
        if isinstance(value, str):
            if has_escapes and _FORBIDDEN.search(value):
                raise InvalidRequest("a string has NUL or half of a surrogate pair; send other characters")
        elif isinstance(value, (dict, list)):
            if not levels:
                raise InvalidRequest(TOO_DEEP)
            inner = value if isinstance(value, list) else chain(value, value.values())
            _check(inner, levels - 1, has_escapes=has_escapes)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Python takes the last of two values and other parsers the first: the auth service might judge another body.
        raise InvalidRequest("the body has a field twice; send each field once")
    return members


def _integer(text: str) -> int:
    # int() is quadratic in its digits, and no float has more than 309.
    _finite(text)
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    # Python reads 1e400 as infinity, which is not valid JSON when it is sent on.
    if math.isinf(number):
        raise InvalidRequest("the body has a number beyond 1.8e308; send a smaller number")
    return number


def _constant(name: str) -> NoReturn:
    raise InvalidRequest(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite, parse_int=_integer
)
