"""Access tokens, each asked for once and kept until a minute before its end."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from sayna.http import Deadline

ACCOUNTS = 256
SPARE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the moment, on the monotonic clock, from which it is not used any more."""

    value: str
    over: float

    @classmethod
    def lasting(cls, value: str, seconds: float) -> "Token":
        """Return a token that ends in `seconds`."""
        return cls(value, time.monotonic() + seconds - SPARE_SECONDS)


@dataclass(slots=True)
class _Slot:
    token: Token | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Tokens:
    """The tokens of the accounts used last."""

    def __init__(self) -> None:
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, account: str, mint: Callable[[], Token], deadline: Deadline, *, refused: str = "") -> str:
        """Return the account's token, from `mint` when there is none but a `refused` one.

        Of many who ask at once one mints. Raises TimeoutError when another is still minting at the deadline,
        and whatever `mint` raises.
        """
        slot = self._slot(account)
        if not slot.lock.acquire(timeout=deadline.remaining()):
            raise TimeoutError("no token in time")
        try:
            if slot.token is None or slot.token.value == refused or time.monotonic() >= slot.token.over:
                slot.token = mint()
            return slot.token.value
        finally:
            slot.lock.release()

    def _slot(self, account: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(account, _Slot())
            self._slots.move_to_end(account)
            if len(self._slots) > ACCOUNTS:
                self._slots.popitem(last=False)
            return slot
