"""What gunicorn and `flask --app wsgi` load."""

import gc
import sys

# While modules are imported there is no garbage: looking for it took a tenth of the start.
gc.disable()

from app import create_app  # noqa: E402
from sayna.config import ConfigError  # noqa: E402

try:
    app = create_app()
except ConfigError as problems:
    sys.exit(str(problems))

# What is here now stays: the collector of a worker neither walks it nor, after the fork, copies its pages.
gc.freeze()
gc.enable()
