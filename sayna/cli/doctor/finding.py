"""What a check finds."""

from dataclasses import dataclass
from functools import partial


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
