"""How gunicorn runs Sayna; the reasons are in docs/architecture.md, the figures behind them in bench/."""

import gc
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from sayna.config import ConfigError, load_config
from sayna.log import dict_config
from sayna.process_memory import configure_malloc, release_libraries
from sayna.server.process_limits import raise_file_limit
from sayna.server.warmup import load_modules

try:
    _server = load_config().server
except ConfigError as problems:
    # At a reload the application is there already, and goes on with the settings that it has: see on_reload.
    if "wsgi" not in sys.modules:
        sys.stderr.write(f"{problems}\n")
        # systemd starts a service anew unless it ends with this: RestartPreventExitStatus of deploy/sayna.service.
        sys.exit(os.EX_CONFIG)
    _server = sys.modules["wsgi"].app.extensions["sayna"].config.server

raise_file_limit()
configure_malloc()

bind = [_server.bind]
backlog = 2048
worker_class = "sayna.server.worker.BufferingWorker"
workers = _server.workers
threads = _server.threads
preload_app = True
limit_request_line = 8190  # bytes, as nginx in front allows
keepalive = 15  # seconds; nginx must let go first: its upstream keepalive_timeout is 10
timeout = 120  # seconds without a heartbeat, which gthread gives whatever its requests do
graceful_timeout = _server.graceful_timeout
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeats must not wait for a disk
forwarded_allow_ips = ",".join(_server.forwarded_allow_ips)
# Two older headers of proxies would be a 400 where they contradict it (github.com/benoitc/gunicorn/issues/1857).
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""  # gunicorn would let a proxy's SCRIPT_NAME change the path
control_socket_disable = True
accesslog = None  # sayna.request is the access log: it knows no query strings
logger_class = "sayna.server.error_logger.ErrorLogger"
logconfig_dict = dict_config(_server.log_level, _server.log_format)


# A worker has the handlers of the master until it has its own, and they only note a signal for the master's loop: a
# worker that was told to stop in its first milliseconds served on until the graceful timeout was over. So these signals
# wait from the fork on; in the master they are passed on after it.
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
os.register_at_fork(after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOPS))


def when_ready(_server: Any) -> None:
    """Say where the server listens, now that it does; scripts/run asks for it."""
    if os.environ.pop("SAYNA_WELCOME", None):
        from sayna.server.welcome import welcome  # noqa: PLC0415 - only scripts/run shows it

        print(welcome(sys.modules["wsgi"].app.extensions["sayna"]), flush=True)


def pre_fork(server: Any, worker: Any) -> None:
    """Import once for all workers what renders speech. Each worker forked before would keep 10 MB of its own."""
    load_modules()
    # Once, and with the last worker of the start: it takes 10 ms, for which the first answer need not wait.
    if worker.age == server.num_workers:
        release_libraries()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


def post_worker_init(worker: Any) -> None:
    """Let GET /ready say 503 as soon as the worker was told to stop, and begin what goes on without requests."""
    worker.wsgi.extensions["sayna.draining"] = lambda: not worker.alive
    worker.wsgi.extensions["sayna"].start()


def worker_exit(_server: Any, worker: Any) -> None:
    """Store what the worker has counted; a worker that failed at its start has no application."""
    if hasattr(worker, "wsgi"):
        worker.wsgi.extensions["sayna"].usage.close()


def on_reload(server: Any) -> None:
    """Build the application anew on HUP, so that keys, secrets and settings on disk are read again.

    Where that cannot be done the one that is there goes on: a mistake must not end a server that serves.
    """
    module, application = sys.modules.pop("wsgi", None), server.app.callable
    server.app.callable = None
    try:
        server.app.wsgi()
    # Any error: of the settings (SystemExit), of a disk, or of the code, when it was replaced below a running server.
    except (SystemExit, Exception) as stop:  # noqa: BLE001
        server.log.critical("The settings are not usable, the old ones stay: %s", stop.__cause__ or repr(stop))
        server.app.callable = application
        if module is not None:
            sys.modules["wsgi"] = module
    del module, application
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # wsgi.py has not come to it where the settings are not usable.
    gc.enable()
