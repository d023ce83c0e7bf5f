"""What gunicorn and `flask --app wsgi` load."""

import gc
import os
import sys

# While modules are imported there is no garbage: looking for it took a tenth of the start.
gc.disable()

from app import create_app  # noqa: E402
from sayna.config import ConfigError, load_config  # noqa: E402

try:
    # Flask sets this for `flask --app wsgi ...`; like `sayna`, its commands make no folder for a mistyped CACHE_PATH.
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true" and "run" not in sys.argv:
        from sayna.cli.command import require_cache_folder

        require_cache_folder(load_config())
    app = create_app()
except ConfigError as problems:
    sys.stderr.write(f"{problems}\n")
    # The cause is what gunicorn.conf.py logs where a reload fails.
    raise SystemExit(os.EX_CONFIG) from problems

# What is here now stays: the collector of a worker neither walks it nor, after the fork, copies its pages.
gc.freeze()
gc.enable()
