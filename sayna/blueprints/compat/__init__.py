"""Dialects of other servers: each file translates one into what POST /speak takes, and its answers back.

COMPAT_ENABLED says which of them are there.
"""

from flask import Flask

from sayna.blueprints.compat import elevenlabs, jambonz, marytts, openai


def register(app: Flask) -> None:
    """Give `app` the routes of the enabled dialects."""
    enabled = app.extensions["sayna"].config.compat.enabled
    for dialect in (openai, jambonz, elevenlabs, marytts):
        if dialect.blueprint.name in enabled:
            app.register_blueprint(dialect.blueprint)
    # Second paths, for operators whose proxy sends /v1 to another server.
    for rule in list(app.url_map.iter_rules()):
        if rule.endpoint.startswith("elevenlabs."):
            app.add_url_rule(f"/elevenlabs{rule.rule}", rule.endpoint, methods=rule.methods)
