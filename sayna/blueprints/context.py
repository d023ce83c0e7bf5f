"""The services and the request that a view works with."""

from typing import cast

from flask import Request, current_app, g, request

from sayna.caller import Caller
from sayna.errors import ProviderNotAllowed
from sayna.services import Services


def services() -> Services:
    """Return the services that create_app() built."""
    return cast("Services", current_app.extensions["sayna"])


def current_request() -> Request:
    """Return the request itself, because each access through Flask's proxy costs half a microsecond."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]


def check_provider(slug: str) -> None:
    """Raise ProviderNotAllowed unless the caller may use the provider with this slug."""
    caller: Caller = g.caller
    if not caller.may_use(slug):
        allowed = ", ".join(sorted(caller.providers or ()))
        raise ProviderNotAllowed(f"this tenant may not use {slug}; send one of {allowed} as provider")
