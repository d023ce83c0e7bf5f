"""gunicorn's logger without its access log."""

from typing import Any

from gunicorn.glogging import Logger


class ErrorLogger(Logger):  # type: ignore[misc]
    """Logs what gunicorn says of itself; requests are the events of sayna.request."""

    def access(self, *_: Any) -> None:
        """Write nothing: with `logconfig_dict`, gunicorn builds a line of each request that no handler takes.

        It cost 14 % of a hit (profile of the interpreter lock).
        """
