"""A gthread worker whose threads see whole requests only.

gunicorn 27 gives a thread to every connection and closes connections on its event loop, up to 2 s each: 40 clients
that do not close made GET / take 6 s, 400 silent ones 19.5 s. Here the event loop reads every request without
waiting, hands it to a thread once it is whole, and closes without waiting.
"""

import errno
import logging
import signal
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.workers.gthread import ThreadWorker

from sayna import log, metrics, process_memory
from sayna.blueprints.body import WEBHOOK_BYTES
from sayna.server.connection import CONTINUE, GONE, Connection
from sayna.server.process_limits import Threads, most_connections
from sayna.server.refusal import BufferFull, RequestTimeout, refused
from sayna.server.request_buffer import Progress
from sayna.server.worker_load import WorkerLoad

# Seconds. Silent connections end after FIRST_BYTE, unfinished heads after HEAD, bodies after a pause of BODY.
FIRST_BYTE = HEAD = BODY = 10.0
CLOSE, SWEEP, LOOK, TRIM = 2.0, 0.5, 0.02, 10.0
# Small requests are taken even when unfinished larger ones fill the memory that is set aside for them.
SMALL, BUFFERED = 65536, 64 * 2**20  # bytes
FULL = (errno.EMFILE, errno.ENFILE)

logger = logging.getLogger("sayna.server")


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Takes any number of idle and slow connections beside those whose requests are being served."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # gunicorn's own limit on kept-alive connections; ours is _most.
        self.max_keepalived = float("inf")
        self._held: dict[Connection, None] = {}
        self._busy = self._fresh = self._buffered = self._served = 0
        self._swept = self._trimmed = 0.0
        self._most = most_connections(self.cfg.threads)
        self._load = WorkerLoad(self.age, self.cfg.threads)

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what this worker does not do."""
        if cfg.is_ssl:
            raise RuntimeError("Sayna itself speaks no TLS; put nginx in front, see deploy/nginx.conf")

    def get_thread_pool(self) -> Threads:
        """Return the threads that serve requests."""
        return Threads(self.cfg.threads)

    def init_signals(self) -> None:
        """Stop at INT and QUIT as at TERM: gunicorn's handler may hang on the pool's lock (cpython issue 121649)."""
        super().init_signals()
        stops = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
        for number in stops[1:]:
            signal.signal(number, self.handle_exit)
        # pre_fork of gunicorn.conf.py holds them back until here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)

    def run(self) -> None:
        """Serve until told to stop, then finish what has begun within the graceful timeout."""
        self._max_body = max(self.wsgi.config["MAX_BODY_BYTES"], WEBHOOK_BYTES)
        self.poller.register(self.method_queue.fileno(), EVENT_READ, self.method_queue.run_callbacks)
        while self.alive and self.is_parent_alive():
            self.set_accept_enabled(self._load.may_accept(self._busy, self._fresh))
            self._turn()
        self.set_accept_enabled(False)
        # The kernel resets connections that wait at a socket when the last process closes it.
        for listener in self.sockets:
            listener.setblocking(False)
            while self.accept(listener):
                pass
            listener.close()
        self._load.end()
        now = time.monotonic()
        for conn in self._held:
            if conn.is_waiting:
                conn.deadline = min(conn.deadline, now + CLOSE)
        while (self._busy or self._held) and time.monotonic() < now + self.cfg.graceful_timeout:
            self._turn()
        metrics.flush()
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()

    def _turn(self) -> None:
        self.notify()
        self.wait_for_and_dispatch_events(timeout=SWEEP if self._accepting else LOOK)
        now = time.monotonic()
        if now - self._swept < SWEEP:
            return
        self._swept = now
        metrics.flush()
        if self._served and now - self._trimmed > TRIM:
            self._trimmed, self._served = now, 0
            self.tpool.submit(process_memory.trim)
        for conn in [conn for conn in self._held if conn.deadline <= now and not conn.has_request()]:
            if conn.is_waiting or conn.is_closing:
                self._close(conn)
            else:
                self._refuse(conn, RequestTimeout())

    def accept(self, listener: socket.socket) -> bool:
        """Take a connection, and wait for its request at the poller; return whether there may be another one."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EINVAL, errno.ENOTSOCK):
                raise
            # The others are of one connection, or pass (accept(2)): they must not end a worker that serves.
            return error.errno == errno.ECONNABORTED or (error.errno in FULL and self._close_oldest())
        self._fresh += 1
        self._hold(Connection(self.cfg, sock, client, listener.getsockname(), self._max_body), FIRST_BYTE)
        return True

    def _hold(self, conn: Connection, seconds: float) -> None:
        conn.deadline = time.monotonic() + seconds
        self._held[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn))
        if len(self._held) > self._most:
            self._close_oldest()

    def _release(self, conn: Connection) -> None:
        del self._held[conn]
        self._fresh -= conn.is_fresh
        conn.is_fresh = False
        self._buffered -= len(conn.buffer.data)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self._release(conn)
        conn.sock.close()

    def _close_oldest(self) -> bool:
        if has_any := bool(self._held):
            self._close(next(iter(self._held)))
        return has_any

    def _on_readable(self, conn: Connection, _sock: socket.socket) -> None:
        # An earlier event of the same turn may have closed it.
        if conn not in self._held:
            return
        if conn.is_closing:
            if not conn.drain():
                self._close(conn)
            return
        data = conn.receive()
        if data:
            self._feed(conn, data)
        elif data is not None:
            self._close(conn)

    def _feed(self, conn: Connection, data: bytes) -> None:
        """Add bytes to the request of a connection that is held, and serve it once it is whole."""
        before = conn.buffer.progress
        self._buffered += len(data)
        try:
            progress = conn.buffer.feed(data)
            if self._buffered > max(BUFFERED, 4 * self._max_body) and len(conn.buffer.data) > SMALL:
                raise BufferFull
        except ParseException as error:
            self._refuse(conn, error)
            return
        if progress in (Progress.WHOLE, Progress.TOO_LARGE):
            self._serve(conn)
        elif progress is Progress.BODY:
            if before is not Progress.BODY and conn.buffer.expects_continue:
                conn.send_now(CONTINUE)
            conn.deadline = time.monotonic() + BODY
        elif before is Progress.EMPTY:
            conn.deadline = time.monotonic() + HEAD

    def _serve(self, conn: Connection) -> None:
        self._release(conn)
        conn.hand_over()
        self._busy += 1
        self._served += 1
        self.enqueue_req(conn)

    def finish_request(self, conn: Connection, served: Future[bool]) -> None:
        """Wait for the next request of a connection that is kept alive; close any other."""
        self._busy -= 1
        if served.cancelled() or served.exception() is not None or not served.result():
            self._end(conn)
            return
        conn.sock.setblocking(False)
        self._hold(conn, self.cfg.keepalive if self.alive else CLOSE)
        # What the parser has read beyond the request that was answered.
        if left := bytes(conn.parser.unreader.take_buffered()):
            self._feed(conn, left)

    def _end(self, conn: Connection) -> None:
        """Close without waiting: the poller tells when the client has closed too."""
        if conn.stop_sending():
            self._hold(conn, CLOSE)
        else:
            conn.sock.close()

    def _refuse(self, conn: Connection, error: ParseException) -> None:
        self._release(conn)
        conn.send_now(refused(conn.client, error))
        self._end(conn)

    def handle(self, conn: Connection) -> bool:
        """Serve one request in a thread of the pool; return whether the connection is kept alive."""
        try:
            conn.sock.setblocking(True)
            request = next(conn.parser)
            # The loop has sent it, where the client had to wait for it.
            request._expected_100_continue = False
            if not conn.is_complete:
                request.force_close()
            keep = self.handle_request(request, conn)
        except (NoMoreData, StopIteration):
            return False
        except OSError as error:
            if error.errno not in GONE:
                logger.exception("socket")
            return False
        except Exception as error:  # noqa: BLE001 - every failure is answered with JSON
            self.handle_error(None, conn.sock, conn.client, error)
            return False
        finally:
            # A thread keeps its context from request to request.
            log.request_id.set(None)
        try:
            # The whole body is in memory. gunicorn reads away 64 KiB of it at most, and then closes a connection whose
            # answer said keep-alive: nginx's next request on it was a 502.
            return bool(keep and conn.parser.finish_body())
        except (ParseException, OSError):
            # The body was not needed, and the answer is sent.
            return False

    def handle_error(self, _request: Any, sock: socket.socket, client: Any, error: BaseException) -> None:
        """Answer a request that the application did not answer."""
        with suppress(OSError):
            sock.sendall(refused(client, error))
