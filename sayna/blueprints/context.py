"""The services, the request and the client's connection that a view works with."""

import select
import socket
from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, Request, current_app, g, request

from sayna.caller import Caller
from sayna.errors import ProviderNotAllowed, SaynaError
from sayna.services import Services
from sayna.speech.fallback import allowed
from sayna.speech.plan import Plan

T = TypeVar("T")


def services() -> Services:
    """Return the services that create_app() built; past Flask's proxy, because a hit asks for them seven times."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return cast("Services", app.extensions["sayna"])


def configured(part: T | None, missing: Callable[[], SaynaError]) -> T:
    """Return a part of the services; raises the error of a `missing` one where the settings have none."""
    if part is None:
        raise missing()
    return part


def current_request() -> Request:
    """Return the request itself, because each access through Flask's proxy costs half a microsecond."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]


def check_provider(slug: str) -> None:
    """Raise ProviderNotAllowed unless the caller may use the provider with this slug."""
    caller: Caller = g.caller
    if not caller.may_use(slug):
        allowed = ", ".join(sorted(caller.providers or ()))
        raise ProviderNotAllowed(f"this tenant may not use {slug}; send one of {allowed} as provider")


def allowed_plan(plan: Plan) -> Plan:
    """Return the plan with the targets that the caller may use; raises ProviderNotAllowed when there are none."""
    caller: Caller = g.caller
    found = allowed(plan, lambda provider: caller.may_use(provider.slug))
    if found is None:
        check_provider(plan.provider.slug)
    return found or plan


def caller_needs_length(asked: Request) -> bool:
    """Return whether the caller speaks HTTP/1.0, which cannot tell the end of a stream from a break."""
    environ = asked.environ
    return services().proxies.speaks_http10(
        environ.get("REMOTE_ADDR", ""),
        environ["SERVER_PROTOCOL"],
        environ.get("HTTP_X_FORWARDED_PROTO_VERSION", ""),
    )


def caller_connection(asked: Request) -> Callable[[], bool]:
    """Return a look at the caller's socket: False once the caller has reset it, or a proxy has closed it.

    A caller that has only finished sending still waits for its answer, and TCP cannot tell it from one that closed.
    """
    # gunicorn's name for it; under other servers every caller is taken to be connected.
    sock = asked.environ.get("gunicorn.socket")
    if not isinstance(sock, socket.socket):
        return lambda: True

    def is_connected() -> bool:
        poll = select.poll()
        try:
            # Without an event to wait for, poll(2) tells of errors and of a connection that ended in both directions.
            poll.register(sock, 0)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    return is_connected
