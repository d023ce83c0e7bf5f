"""HTTP: one blueprint per endpoint, and what surrounds them all."""

from flask import Flask

from sayna.blueprints import docs, errors, guard, health, speak

BLUEPRINTS = (health.blueprint, speak.blueprint, docs.blueprint)


def register(app: Flask) -> None:
    """Give `app` every route, the guard in front of them and the errors behind them."""
    guard.register(app)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
