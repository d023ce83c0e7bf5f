import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from sayna.livekit.bridge import Bridge
from sayna.livekit.errors import LiveKitUnavailable

opened: list[str] = []


@asynccontextmanager
async def connect() -> AsyncIterator[str]:
    opened.append("open")
    yield "client"
    opened.append("closed")


@pytest.fixture
def bridge() -> Iterator[Bridge[str]]:
    opened.clear()
    bridge = Bridge(connect)
    yield bridge
    bridge.close()
    assert opened.count("open") == opened.count("closed")
    assert not [thread for thread in threading.enumerate() if thread.name == "livekit"]


async def who(client: str) -> str:
    return f"{client} of {os.getpid()}"


def test_nothing_is_started_before_the_first_operation(bridge: Bridge[str]) -> None:
    assert opened == []


def test_many_threads_share_one_client(bridge: Bridge[str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: bridge.run(who, 5), range(200)))
    assert set(answers) == {f"client of {os.getpid()}"}
    assert opened == ["open"]


def test_operation_that_takes_too_long_is_cancelled(bridge: Bridge[str]) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def wait(client: str) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    # On a busy machine the time may be over before it has begun.
    while not begun.is_set():
        with pytest.raises(LiveKitUnavailable):
            bridge.run(wait, 0.05)
    assert cancelled.wait(30)


def test_no_time_left_is_too_long(bridge: Bridge[str]) -> None:
    async def wait(client: str) -> None:
        await asyncio.sleep(60)

    with pytest.raises(LiveKitUnavailable):
        bridge.run(wait, -1)


def test_caller_does_not_wait_for_a_loop_that_is_stuck(bridge: Bridge[str]) -> None:
    let_go = threading.Event()

    async def block(client: str) -> None:
        let_go.wait(10)

    with pytest.raises(LiveKitUnavailable):
        bridge.run(block, 0.01)
    let_go.set()


def test_close_ends_what_is_under_way(bridge: Bridge[str]) -> None:
    begun = threading.Event()

    async def wait(client: str) -> None:
        begun.set()
        await asyncio.sleep(60)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.run, wait, 30)
        begun.wait(20)
        bridge.close()
        with pytest.raises(LiveKitUnavailable):
            waiting.result(20)


def test_operation_that_finds_its_client_closed_is_unavailable(bridge: Bridge[str]) -> None:
    begun = threading.Event()

    async def use(client: str) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            # As aiohttp says it to whoever still asks.
            raise RuntimeError("Session is closed") from None

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(bridge.run, use, 30)
        assert begun.wait(20)
        bridge.close()
        with pytest.raises(LiveKitUnavailable):
            late.result(20)


def test_operation_during_a_close_succeeds_or_is_unavailable(bridge: Bridge[str]) -> None:
    over = threading.Event()

    def ask() -> list[BaseException]:
        odd: list[BaseException] = []
        while not over.is_set():
            try:
                bridge.run(who, 0.2)
            except LiveKitUnavailable:
                pass
            except BaseException as error:  # noqa: BLE001 - all of them are shown
                odd.append(error)
        return odd

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        for _ in range(100):
            bridge.close()
            time.sleep(0.005)
        over.set()
    assert [error for each in asking for error in each.result()] == []


def test_operation_s_own_mistake_is_not_taken_for_a_close(bridge: Bridge[str]) -> None:
    async def fail(client: str) -> None:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        bridge.run(fail, 5)


def test_operation_after_a_close_starts_anew(bridge: Bridge[str]) -> None:
    bridge.run(who, 5)
    bridge.close()
    bridge.close()
    assert bridge.run(who, 5) == f"client of {os.getpid()}"
    assert opened == ["open", "closed", "open"]


def test_client_that_cannot_be_made_leaves_no_thread() -> None:
    @asynccontextmanager
    async def fail() -> AsyncIterator[str]:
        raise OSError("no file left")
        yield ""

    bridge = Bridge(fail)
    with pytest.raises(OSError, match="no file"):
        bridge.run(who, 5)
    assert not [thread for thread in threading.enumerate() if thread.name == "livekit"]
