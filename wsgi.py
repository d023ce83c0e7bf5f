"""What gunicorn and `flask --app wsgi` load."""

import sys

from app import create_app
from sayna.config import ConfigError

try:
    app = create_app()
except ConfigError as problems:
    sys.exit(str(problems))
