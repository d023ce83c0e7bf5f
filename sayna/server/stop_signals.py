"""The signals that tell a worker to stop, held back from its fork until it has a handler for them.

Until then a worker has the handlers of gunicorn's master, which only note a signal for the master's own loop: a worker
that was told to stop in its first milliseconds served on until the graceful timeout was over.
"""

import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType

_STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})

hold_stops = partial(signal.pthread_sigmask, signal.SIG_BLOCK, _STOPS)
_pass_on = partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, _STOPS)

os.register_at_fork(after_in_parent=_pass_on)


def stop_by(handler: Callable[[int, FrameType | None], object]) -> None:
    """Handle INT and QUIT so, as gunicorn handles TERM; then pass on what was held back."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, handler)
    _pass_on()
