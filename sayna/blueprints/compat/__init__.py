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
    # Where both are there, OpenAI's view answers the clients of ElevenLabs too.
    if "elevenlabs" in enabled and "openai" not in enabled:
        app.add_url_rule("/v1/models", "elevenlabs.models", elevenlabs.models)
    if "elevenlabs" in enabled:
        # Second paths, for operators whose proxy sends /v1 to another server.
        for rule in list(app.url_map.iter_rules()):
            if rule.endpoint.startswith("elevenlabs.") and rule.rule != "/v1/models":
                app.add_url_rule(f"/elevenlabs{rule.rule}", rule.endpoint, methods=rule.methods)
        app.add_url_rule("/elevenlabs/v1/models", "elevenlabs.models", elevenlabs.models)
