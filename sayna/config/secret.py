"""A text that must not be seen: keys, passwords, tokens."""

import hmac
from typing import NoReturn


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
        return isinstance(other, Secret) and hmac.compare_digest(_raw(self), _raw(other))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    # dataclasses.asdict() copies deeply, and a log or a cache is soon reached from there.
    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is never pickled or copied; reveal() it where it is used.")


def _raw(secret: Secret) -> bytes:
    # compare_digest takes text only when it is ASCII; bytes it always takes.
    return secret.reveal().encode("utf-8", "surrogateescape")
