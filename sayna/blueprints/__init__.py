"""HTTP: one blueprint per endpoint, and what surrounds them all."""

from flask import Flask

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
    say,
    sip,
    speak,
    usage,
    voices,
    webhook,
)

BLUEPRINTS = (
    # The order of the document: /docs begins with /speak.
    speak.blueprint,
    voices.blueprint,
    prompts.blueprint,
    usage.blueprint,
    health.blueprint,
    health.scraped,
    clips.blueprint,
    say.blueprint,
    livekit.blueprint,
    webhook.blueprint,
    recording.blueprint,
    sip.blueprint,
)
PAGES = (pages.docs, pages.studio, manual.blueprint)


def register(app: Flask) -> None:
    """Give `app` every route, the guard in front of them and the errors behind them."""
    guard.register(app)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    compat.register(app)
    for page in PAGES:
        app.register_blueprint(page)
