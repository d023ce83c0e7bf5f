"""The worker's side of the pool: it starts the pool that is missing, and asks it."""

import contextlib
import fcntl
import functools
import hashlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import sayna
from sayna import errors
from sayna.engines import wire
from sayna.engines.response import EngineDied, EngineResponse, RepeatedResponse
from sayna.http import Deadline
from sayna.state.files import POLL_SECONDS, exclusive, is_same, lock, open_private, private_folder

log = logging.getLogger("sayna.engines")

MAX_ADDRESS = 100  # Linux allows 107 bytes, macOS 103
CODE = "import sys; sys.path[:] = sys.argv[1].split(':'); from sayna.engines.pool_program import main; main()"
PROGRAM = ("-I", "-S", "-c", CODE)
# No key, because some texts crash an engine. BLAS would start threads; onnxruntime would report its use to its vendor.
_SETTINGS = ("MALLOC_ARENA_MAX", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ORT_DISABLE_TELEMETRY")
ENVIRONMENT = dict.fromkeys(_SETTINGS, "1")


class EnginePool:
    """The pool of this machine for one `shared` folder of workers, or of this object alone when there is none.

    The pool lives as long as a process that has used it. Safe in threads and over forks.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self._folder = _folder(shared)
        self._forget()
        _pools.add(self)

    def _forget(self) -> None:
        self._starting = threading.Lock()
        self._lock: int | None = None
        self._closed = 0

    def ask(self, kind: bytes, payload: bytes, deadline: Deadline) -> EngineResponse:
        """Send a request, to a new pool if there is none; raises ProviderError and ProviderTimeout."""
        if not deadline.remaining():
            raise errors.ProviderTimeout("The deadline was over before the embedded engine was asked.")
        closed = self._closed
        try:
            connection = self._connection(wire.SOCKETS[kind], deadline)
        except (TimeoutError, BlockingIOError) as error:
            raise errors.ProviderTimeout("The embedded engines were busy until the deadline.") from error
        except OSError as error:
            log.error("engines_cannot_start: %s", error)  # noqa: TRY400 - the trace tells no more
            raise errors.ProviderError("The embedded engines cannot be started; see the server's log.") from error
        try:
            connection.sendall(wire.frame(kind, wire.SECONDS.pack(deadline.remaining()) + payload))
        except OSError as error:
            connection.close()
            raise EngineDied("The embedded engine died before it rendered this text.") from error
        return EngineResponse(connection, deadline, lambda: closed != self._closed)

    def sentences(self, kind: bytes, payload: bytes, deadline: Deadline) -> RepeatedResponse:
        """Return a response that is asked for once more, from where it broke off, when the engine process dies."""
        return RepeatedResponse(functools.partial(self.ask, kind, payload, deadline))

    def close(self) -> None:
        """Let the pool go: it ends when no other process uses it, and the next request starts a new one."""
        with self._starting:
            self._closed += 1
            self._release()

    def disown(self) -> None:
        """Forget everything in a forked child, where the locks of other threads would stay locked for ever."""
        self._release()
        self._forget()

    def _release(self) -> None:
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)

    def _connection(self, name: str, deadline: Deadline) -> socket.socket:
        # Another thread or process may stand still in any step, so each wait ends at the deadline.
        if not self._starting.acquire(timeout=deadline.left()):
            raise TimeoutError("another thread asks for the pool")
        try:
            if self._lock is not None:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    return self._connect(name, deadline)
                # A pool that ended has removed the file of the lock.
                self._release()
            self._lock = self._hold_lock(deadline)
            with exclusive(self._folder / "start", deadline.left()):
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    return self._connect(name, deadline)
                self._start()
                return self._connect(name, deadline)
        finally:
            self._starting.release()

    def _connect(self, name: str, deadline: Deadline) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(deadline.left())
            with _address(self._folder / name) as address:
                connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _hold_lock(self, deadline: Deadline) -> int:
        """Return a descriptor with a shared lock, which says that this process uses the pool."""
        while True:
            # A pool that is ending has the lock, and then removes the folder, within milliseconds.
            with contextlib.suppress(FileNotFoundError):
                file = private_folder(self._folder) / "workers"
                descriptor = open_private(file)
                if lock(descriptor, fcntl.LOCK_SH) and is_same(descriptor, file):
                    return descriptor
                os.close(descriptor)
            time.sleep(min(POLL_SECONDS, deadline.left()))

    def _start(self) -> None:
        """Start the program, which opens its sockets and then goes on in a process of its own."""
        path = [str(Path(sayna.__file__).parents[1]), *map(os.path.abspath, sys.path)]
        subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, *(["-B"] if sys.dont_write_bytecode else []), *PROGRAM, ":".join(path)],
            check=False,  # a program that has failed has no sockets
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd=self._folder,  # where the paths of the sockets are short enough
            # A terminal sends Ctrl-C to its whole group, but only the last worker may end the pool.
            start_new_session=True,
        )


def _folder(shared: Path | None) -> Path:
    """Return where the sockets lie: not in `shared`, because some volumes of containers take no sockets."""
    who = f"{sayna.__version__}\n{sys.prefix}\n{shared.resolve() if shared else os.urandom(16).hex()}"
    digest = hashlib.sha256(who.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"sayna-{os.geteuid()}-{digest}"


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yield the address of a socket, by the descriptor of its folder where the path is too long for one."""
    if len(os.fsencode(path)) <= MAX_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


_pools: "weakref.WeakSet[EnginePool]" = weakref.WeakSet()
os.register_at_fork(after_in_child=lambda: list(map(EnginePool.disown, list(_pools))))
