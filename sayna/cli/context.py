"""The services of the application that runs the command."""

from typing import cast

from flask import current_app

from sayna.services import Services


def services() -> Services:
    """Return the services of the current application."""
    return cast("Services", current_app.extensions["sayna"])
