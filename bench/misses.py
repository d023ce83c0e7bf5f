"""What a miss adds to the vendor's own first byte, alone and in a crowd, and what a crowd does to hits."""

import asyncio
import itertools
import multiprocessing
import time

from bench.harness import Heard, Server, listen, median, percentile, probe, report, request, sayna, vendor

ALONE, TOGETHER = 25, 100
CAPACITY = 4 * 56
_numbers = itertools.count()


def speak(words: str) -> bytes:
    """Return a request for a text that nobody asked for before."""
    return request("/speak", {"text": f"{words} {next(_numbers)}", "provider": "deepgram", "audio_format": "linear16"})


def direct(words: str) -> bytes:
    """Return the same as a client of the vendor itself would send it."""
    return request("/v1/speak?model=m&encoding=linear16&sample_rate=24000", {"text": words})


def alone(port: int, payloads: list[bytes]) -> list[float]:
    """Return first-byte times in ms, one after the other."""
    return [asyncio.run(listen(port, payload)).first_ms for payload in payloads]


def first_bytes(slow: Server, ours: Server) -> None:
    """Compare with the vendor, for both ways of framing."""
    added = {}
    for words in ("short chunked", "short framed"):
        vendor_own, through = [], []
        for _ in range(5):
            vendor_own += alone(slow.port, [direct(words) for _ in range(ALONE // 5)])
            through += alone(ours.port, [speak(words) for _ in range(ALONE // 5)])
        added[words] = median(through) - median(vendor_own)
        report(
            f"miss, one client, {words}: first byte over the vendor's, ms",
            added[words],
            "<= 6",
            added[words] <= 6,
        )


async def _together(port: int, payloads: list[bytes], seconds: float) -> list[Heard]:
    async def one(number: int) -> Heard:
        await asyncio.sleep(seconds * number / len(payloads))
        return await listen(port, payloads[number])

    return await asyncio.gather(*(one(number) for number in range(len(payloads))))


def together(port: int, payloads: list[bytes], seconds: float = 0) -> list[Heard]:
    """Return what all hear who ask at once, or evenly within some seconds."""
    return asyncio.run(_together(port, payloads, seconds))


async def _probes(port: int, hit: bytes) -> list[float]:
    return [each for part in await asyncio.gather(*(probe(port, hit, 2.0) for _ in range(4))) for each in part]


def probes(port: int, hit: bytes) -> list[float]:
    """Return hit latencies in ms of four clients, for two seconds."""
    return asyncio.run(_probes(port, hit))


def late(port: int, payloads: list[bytes], after: float, within: float) -> list[Heard]:
    """Return what those hear who come later, evenly within some seconds."""
    time.sleep(after)
    return together(port, payloads, within)


def crowd(
    ours: Server, hit: bytes, words: str, misses: int, more: int = 0
) -> tuple[list[Heard], list[float], list[Heard]]:
    """Hold `misses` streams, probe hits meanwhile and let `more` ask in the second after.

    Each from a process of its own: in one, the clients would wait for each other, not for the server.
    """
    first, then = [speak(words) for _ in range(misses)], [speak(words) for _ in range(more)]
    with multiprocessing.get_context("fork").Pool(3) as pool:
        streams = pool.apply_async(together, (ours.port, first, 1.0))
        hits = pool.apply_async(probes, (ours.port, hit))
        beyond = pool.apply_async(late, (ours.port, then, 1.2, 0.8))
        return streams.get(), hits.get(), beyond.get()


def main() -> None:
    """Print what one, a hundred, and too many misses do."""
    with vendor() as slow, sayna(slow.port) as ours:
        hit = speak("the one that is cached")
        for _ in range(40):
            asyncio.run(listen(ours.port, hit))
        first_bytes(slow, ours)
        own = [each.first_ms for each in together(slow.port, [direct("a long one")] * TOGETHER, 1.0)]
        ratios, late, held = [], [], 0
        for _ in range(3):
            streams, hits, _ = crowd(ours, hit, "a long one", TOGETHER)
            held = min(held or TOGETHER, sum(each.status == 200 and each.size == 100_000 for each in streams))
            late.append(percentile([each.first_ms for each in streams], 0.99) - median(own))
            ratios.append(percentile(hits, 0.99) / percentile(probes(ours.port, hit), 0.99))
        report("100 misses: streams that were held and whole", held, "100", held == TOGETHER)
        report(
            "100 misses: first byte p99 over the vendor's, ms (best of 3)",
            min(late),
            "<= 30",
            min(late) <= 30,
        )
        report("100 misses: hit p99 over its idle p99 (best of 3)", min(ratios), "<= 2.5", min(ratios) <= 2.5)
        overload(ours, hit)


def overload(ours: Server, hit: bytes) -> None:
    """Ask for half as many more misses as there are places."""
    quiet = percentile(probes(ours.port, hit), 0.99)
    held, hits, beyond = crowd(ours, hit, "an endless one", CAPACITY, CAPACITY // 2)
    streams = [*held, *beyond]
    refused = [each.first_ms for each in streams if each.status == 503]
    broken = sum(each.status == 200 and each.size != 400_000 for each in streams)
    slowest = percentile(refused, 0.99) if refused else 0.0
    over = percentile(hits, 0.99) - quiet
    print(f"    overload: {len(streams)} asked, {len(refused)} refused, {broken} broken")
    report("overload: refusal p99, ms", slowest, "< 50", 0 < slowest < 50)
    report("overload: hit p99 over idle, ms", over, "<= 20", over <= 20)


if __name__ == "__main__":
    main()
