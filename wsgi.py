"""What gunicorn and `flask --app wsgi` load."""

import gc
import os
import sys

# While modules are imported there is no garbage: looking for it took a tenth of the start.
gc.disable()

from app import create_app  # noqa: E402
from sayna.config import ConfigError  # noqa: E402

try:
    app = create_app()
except ConfigError as problems:
    sys.stderr.write(f"{problems}\n")
    # The cause is what gunicorn.conf.py logs where a reload fails.
    raise SystemExit(os.EX_CONFIG) from problems

# What is here now stays: the collector of a worker neither walks it nor, after the fork, copies its pages.
gc.freeze()
gc.enable()
