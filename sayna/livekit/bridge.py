"""Runs coroutines of request threads on the one event loop of the process."""

import asyncio
import atexit
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sayna.livekit.errors import LiveKitUnavailable

CLOSE_SECONDS = 2.0
# The loop's own timeout ends the operation first; this margin is for a loop that is stuck.
MARGIN_SECONDS = 0.5

Client = TypeVar("Client")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Running(Generic[Client]):
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    connection: AbstractAsyncContextManager[Client]
    client: Client


class Bridge(Generic[Client]):
    """Runs operations of many threads on one loop with one client; the first one starts both."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Client]]) -> None:
        self._connect = connect
        self._running: _Running[Client] | None = None
        self._lock = threading.Lock()

    def run(self, operation: Callable[[Client], Coroutine[Any, Any, T]], seconds: float) -> T:
        """Return what an operation returns.

        Raises LiveKitUnavailable when the operation takes longer than `seconds`, and when the client is closed
        meanwhile. The operation may have had its effect all the same.
        """
        seconds = max(0.0, seconds)
        running = self._running or self._start()
        within = _within(operation, running.client, seconds)
        try:
            future = asyncio.run_coroutine_threadsafe(within, running.loop)
            return future.result(seconds + MARGIN_SECONDS)
        except TimeoutError as error:
            future.cancel()
            raise LiveKitUnavailable("LiveKit did not answer in time; try again") from error
        # asyncio and aiohttp raise RuntimeError for a closed loop or session.
        except (concurrent.futures.CancelledError, RuntimeError) as error:
            within.close()
            if isinstance(error, RuntimeError) and self._running is running:
                raise
            raise LiveKitUnavailable("this process is ending; send the request again") from error

    def close(self) -> None:
        """End the client, the loop and its thread; the next operation starts them again."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_shut(running), running.loop).result(CLOSE_SECONDS)
        _stop(running.loop, running.thread)
        atexit.unregister(self.close)

    def _start(self) -> _Running[Client]:
        with self._lock:
            if self._running is None:
                # With the first operation, not at start: gunicorn forks its workers after the start, and threads stay
                # with the parent. Only workers get requests, and they never fork.
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="livekit", daemon=True)
                thread.start()
                try:
                    connection = self._connect()
                    client = asyncio.run_coroutine_threadsafe(connection.__aenter__(), loop).result()
                except BaseException:
                    _stop(loop, thread)
                    raise
                self._running = _Running(loop, thread, connection, client)
                atexit.register(self.close)
            return self._running


async def _within(operation: Callable[[Client], Coroutine[Any, Any, T]], client: Client, seconds: float) -> T:
    return await asyncio.wait_for(operation(client), seconds)


async def _shut(running: _Running[Any]) -> None:
    await _cancel_others()
    await running.connection.__aexit__(None, None, None)
    # A thread that took the client before it was closed may begin its operation only now.
    await _cancel_others()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(CLOSE_SECONDS)
    if not thread.is_alive():
        loop.close()
