"""gunicorn's logger without its access log."""

import logging
import sys
from typing import Any

from gunicorn.glogging import Logger

from sayna import log
from sayna.errors import SaynaError

logger = logging.getLogger("sayna.server")


class ErrorLogger(Logger):  # type: ignore[misc]
    """Logs what gunicorn says of itself; requests are the events of sayna.request."""

    def access(self, *_: Any) -> None:
        """Write nothing: with `logconfig_dict`, gunicorn builds a line of each request that no handler takes.

        It cost 14 % of a hit (profile of the interpreter lock).
        """

    def exception(self, sentence: str, *values: object, **kwargs: Any) -> None:
        """Log a traceback; for an answer that broke off with one of our own errors, one line with the request's id."""
        error = sys.exc_info()[1]
        if isinstance(error, SaynaError):
            log.emit(logger, logging.WARNING, "stream_broken", code=error.code, reason=error.message)
        else:
            super().exception(sentence, *values, **kwargs)
