"""HTTP: one blueprint per endpoint, and what surrounds them all."""

from collections.abc import Callable

from flask import Flask
from werkzeug.routing import PathConverter, Rule

from sayna.blueprints import (
    clips,
    compat,
    errors,
    guard,
    health,
    livekit,
    manual,
    pages,
    prompts,
    recording,
    sip,
    speak,
    usage,
    voices,
)

# The order of the document: /docs begins with /speak.
ENDPOINTS = (speak, voices, prompts, usage, health, clips, livekit, recording, sip)
PAGES = (pages.docs, pages.studio, manual.blueprint)


class AnyPathConverter(PathConverter):
    """The rest of the path with its slashes: LiveKit allows them in a room's name, and no stream_id may have them."""

    # `.` would not match a line break. werkzeug decodes %0a and %00 before it matches; the checks must see them.
    regex = r"[\s\S]+"
    part_isolating = False


class MatchedRule(Rule):
    """A rule that only matches paths. Code that builds URLs from it would take most of the time of create_app."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def unbuilt(*_: object) -> tuple[str, str]:
            raise NotImplementedError("no URL is built from a route")

        return unbuilt


def register(app: Flask) -> None:
    """Give `app` every route, the guard in front of them and the errors behind them."""
    app.url_map.converters |= dict.fromkeys(("room_name", "stream_id"), AnyPathConverter)
    app.url_rule_class = MatchedRule
    guard.register(app)
    errors.register(app)
    for module in ENDPOINTS:
        app.register_blueprint(module.blueprint)
    compat.register(app)
    for page in PAGES:
        app.register_blueprint(page)
