"""Logs: one JSON object a line with stable keys, or plain text for a terminal.

Spoken text, keys and query strings never reach a log; whoever logs passes fields, not sentences.
"""

import contextvars
import json
import logging
import logging.config
import time
from typing import Any

# A ContextVar, so that a copy of the context takes it along into the threads that render and list.
request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def emit(logger: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Write one event with its fields; the id of the request at hand is added."""
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"fields": fields})


# Kept, because json.dumps() with a `default` makes a new encoder for every line.
_encode = json.JSONEncoder(default=str).encode


class JSONFormatter(logging.Formatter):
    """One line of JSON an event; a traceback becomes one escaped string."""

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
    """The same for people: time, level, event, key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, followed by the traceback when there is one."""
        fields = " ".join(f"{key}={value!r}" for key, value in _fields(record).items())
        line = f"{_iso(record.created)} {record.levelname:<7} {record.getMessage()!s} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def dict_config(level: str, log_format: str) -> dict[str, Any]:
    """Return logging's own settings: everything to standard error, as "json" or "console" lines."""
    formatter = ConsoleFormatter if log_format == "console" else JSONFormatter
    # At DEBUG these log whole URLs and headers: query strings, tokens and signatures.
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        # Our modules make their loggers when they are imported; the default would silence them all.
        "disable_existing_loggers": False,
        "formatters": {"sayna": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "sayna"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            # Told by the root's handler too, every line of gunicorn's would stand there twice.
            "gunicorn.error": {"level": level.upper(), "handlers": ["stderr"], "propagate": False},
            **dict.fromkeys(("urllib3", "botocore", "boto3", "aiohttp", "asyncio"), quiet),
        },
    }


def configure(level: str, log_format: str) -> None:
    """Begin to log as dict_config() says; a log that cannot be written costs no answer."""
    logging.config.dictConfig(dict_config(level, log_format))
    # Else each line that cannot be written is a traceback on the same full disk.
    logging.raiseExceptions = False
    # Half of what a line costs goes into fields that no format of ours shows (howto/logging, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = dict(getattr(record, "fields", {}))
    current = request_id.get()
    if current is not None:
        fields.setdefault("request_id", current)
    return fields


def _iso(created: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created)) + f".{int(created * 1000) % 1000:03d}Z"
