"""Logs: one JSON object a line with stable keys, or plain text for a terminal.

Callers pass an event and its fields; spoken text, keys and query strings must never be among them.
"""

import contextvars
import functools
import json
import logging
import logging.config
import time
from typing import Any

# A ContextVar, because a thread that runs in a copy of the context then logs the same id.
request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def emit(logger: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Write one event with its fields and the id of the current request."""
    if logger.isEnabledFor(level):
        # As Logger.log() does it for a record without a place in the code, in two thirds of the time (measured).
        record = logging.LogRecord(logger.name, level, "", 0, event, (), None)
        record.fields = fields
        logger.handle(record)


# One encoder for all lines, because json.dumps() with a `default` makes a new one for each.
_encode = json.JSONEncoder(default=str).encode


class RateLimitedLogger:
    """Logs the first warning, then none for `every_seconds`."""

    def __init__(self, log: logging.Logger, *, every_seconds: float = 60.0) -> None:
        self._log = log
        self._every = every_seconds
        self._quiet_until = 0.0

    def warn(self, sentence: str, *values: object) -> None:
        """Log a WARNING unless the last one is too recent."""
        now = time.monotonic()
        # A full disk fails every write, and a line for each would hide all other lines.
        if now >= self._quiet_until:
            self._quiet_until = now + self._every
            self._log.warning(sentence, *values)


class JSONFormatter(logging.Formatter):
    """Formats an event as one line of JSON; a traceback becomes one escaped string."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)


class ConsoleFormatter(logging.Formatter):
    """Formats an event for a terminal: time, level, event, key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, followed by the traceback if the record has one."""
        fields = " ".join(f"{key}={value!r}" for key, value in _fields(record).items())
        line = f"{_iso(record.created)} {record.levelname:<7} {record.getMessage()!s} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def dict_config(level: str, log_format: str) -> dict[str, Any]:
    """Return a configuration for logging.config: everything to standard error, as "json" or "console" lines."""
    formatter = ConsoleFormatter if log_format == "console" else JSONFormatter
    return {
        "version": 1,
        # Our modules create their loggers at import, and the default would disable those.
        "disable_existing_loggers": False,
        "formatters": {"sayna": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "sayna"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        # No propagation, otherwise the root's handler would write each line of gunicorn again.
        "loggers": {"gunicorn.error": {"level": level.upper(), "handlers": ["stderr"], "propagate": False}},
    }


def configure(level: str, log_format: str) -> None:
    """Configure logging as dict_config() says; a line that cannot be written fails no request."""
    logging.config.dictConfig(dict_config(level, log_format))
    # At DEBUG these libraries log whole URLs and headers, with query strings, tokens and signatures. Not by dictConfig,
    # which would reset each of the hundred loggers below them.
    for library in ("urllib3", "botocore", "boto3", "aiohttp", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # Otherwise each line that cannot be written would write a traceback to the same full disk.
    logging.raiseExceptions = False
    # Do not collect fields that our formats never show: they are half the cost of a line ("Optimization" in
    # https://docs.python.org/3/howto/logging.html).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = dict(getattr(record, "fields", {}))
    current = request_id.get()
    if current is not None:
        fields.setdefault("request_id", current)
    return fields


def _iso(created: float) -> str:
    return f"{_second(int(created))}.{int(created * 1000) % 1000:03d}Z"


@functools.lru_cache(maxsize=4)
def _second(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))
