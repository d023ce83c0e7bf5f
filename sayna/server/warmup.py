"""What the first requests of every worker would import, loaded once before the workers are forked."""

import gc
import importlib

from sayna import metrics
from sayna.http.way_out import operator_certificates

# The codecs and the outbound HTTP of nearly every rendering; vendors with heavy libraries load those by themselves.
MODULES = (
    "encodings.idna",
    "sayna.audio.decoder",
    "sayna.audio.encoder",
    "sayna.audio.resample",
    "sayna.audio.samples",
    "sayna.http.exchange",
    "sqlite3",
)


def load_modules() -> None:
    """Import what renders speech, and keep the collector from it: otherwise each worker would copy its pages."""
    gc.disable()
    try:
        for name in MODULES:
            importlib.import_module(name)
        metrics.load_library()
        from sayna.http.connection_pool import tls_context  # noqa: PLC0415 - imports requests, which commands do without

        tls_context(operator_certificates())
    finally:
        gc.freeze()
        gc.enable()
