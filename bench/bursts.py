"""Two hundred identical requests at once over four workers: one vendor call, and how soon all hear it."""

import asyncio
import http.client
import multiprocessing

from bench.harness import Heard, Server, listen, median, percentile, report, request, sayna, vendor

BURSTS, LISTENERS = 20, 200


def calls(slow: Server) -> int:
    """Return how many calls the vendor has had."""
    connection = http.client.HTTPConnection("127.0.0.1", slow.port)
    connection.request("GET", "/count")
    return int(connection.getresponse().read())


def burst(ours: Server, number: int) -> list[Heard]:
    """Return what all hear who ask for the same at once.

    Half of them in each of two processes: two hundred in one would wait for each other, not for the server.
    """
    body: dict[str, object] = {"text": f"burst {number}", "provider": "deepgram", "audio_format": "linear16"}
    payload = request("/speak", body)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = pool.starmap(_listen, [(ours.port, payload, LISTENERS // 2)] * 2)
    return [heard for half in halves for heard in half]


def _listen(port: int, payload: bytes, listeners: int) -> list[Heard]:
    return asyncio.run(_together(port, payload, listeners))


async def _together(port: int, payload: bytes, listeners: int) -> list[Heard]:
    return await asyncio.gather(*(listen(port, payload) for _ in range(listeners)))


def main() -> None:
    """Print calls, losses and the followers' lag."""
    single, lags, refused, broken = 0, [], 0, 0
    with vendor() as slow, sayna(slow.port) as ours:
        burst(ours, -1)
        for number in range(BURSTS):
            before = calls(slow)
            heard = burst(ours, number)
            single += calls(slow) - before == 1
            whole = [each for each in heard if each.status == 200]
            refused += len(heard) - len(whole)
            broken += sum(each.size != 100_000 for each in whole)
            leader = min(each.first for each in whole)
            lags += [(each.first - leader) * 1000 for each in whole]
    report("200 identical requests: bursts with one vendor call", single, "20", single == BURSTS)
    report("200 identical requests: broken answers", broken, "0", broken == 0)
    lag = median(lags)
    report("followers' first byte after the leader's, median ms", lag, "<= 10", lag <= 10)
    share = 100 * refused / BURSTS / LISTENERS
    print(f"    p99 {percentile(lags, 0.99):.1f} ms; refused for overload {share:.1f} %")


if __name__ == "__main__":
    main()
