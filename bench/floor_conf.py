"""The settings of Sayna's gunicorn for bare Flask, which imports nothing before its workers are forked."""

import runpy

_settings = runpy.run_path("gunicorn.conf.py")
globals().update({name: value for name, value in _settings.items() if name[0] != "_" and name != "pre_fork"})
