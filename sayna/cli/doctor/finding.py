"""What a check finds, and the list of all checks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sayna.services import Services

Checking = Callable[["Services"], Iterator["Finding"]]
C = TypeVar("C", bound=Checking)
# By the word that stands in the line of a finding. A subject with a server of its own adds one function with @check.
CHECKS: dict[str, Checking] = {}
DEEP_CHECKS: dict[str, Checking] = {}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the case, and what an operator should do about it."""

    status: str  # ok, warn or fail
    what: str
    advice: str = ""


ok = partial(Finding, "ok")
# Will become a failure, or costs speed or money.
warn = partial(Finding, "warn")
# Because of it, requests fail.
fail = partial(Finding, "fail")


def check(name: str, *, deep: bool = False) -> Callable[[C], C]:
    """Add a function to the checks of `sayna doctor`, or to those of `--deep`."""

    def add(function: C) -> C:
        (DEEP_CHECKS if deep else CHECKS)[name] = function
        return function

    return add
