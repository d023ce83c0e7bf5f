"""The application factory."""

import logging

from flask import Flask

from sayna import blueprints, cli, log, metrics
from sayna.config import Config, load_config, read_sources
from sayna.services import build


def create_app(config: Config | None = None) -> Flask:
    """Return the WSGI application; raises ConfigError with every problem of the settings at once."""
    warnings = read_sources().warnings if config is None else []
    config = config or load_config()
    log.configure(config.server.log_level, config.server.log_format)
    for sentence in warnings:
        logging.getLogger("sayna.config").warning(sentence)
    # The folder is the same after a reload and a restart, so that counts go on.
    folder = metrics.folder_of(config.server.bind, str(config.cache.path)) if config.metrics.enabled else None
    metrics.enable(folder)
    app = Flask("sayna", static_folder=None)
    app.url_map.merge_slashes = False  # a path has one spelling; no redirect leads around the guard
    app.config["MAX_BODY_BYTES"] = config.server.max_body_bytes
    app.extensions["sayna"] = build(config)
    app.extensions["sayna.draining"] = lambda: False
    blueprints.register(app)
    cli.register(app)
    return app
