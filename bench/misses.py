"""What a miss adds to the vendor's own first byte, alone and in a crowd, and what a crowd does to hits."""

import asyncio
import itertools

from bench.harness import Heard, Server, listen, median, percentile, probe, report, request, sayna, vendor

ALONE, TOGETHER, PROBE_SECONDS = 25, 100, 3.0
CAPACITY = 4 * 56
_numbers = itertools.count()


def speak(words: str) -> bytes:
    """Return a request for a text that nobody asked for before."""
    return request(
        "/speak", {"text": f"{words} {next(_numbers)}", "provider": "deepgram", "audio_format": "linear16"}
    )


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


async def together(port: int, payloads: list[bytes]) -> list[Heard]:
    """Return what all hear who ask at once."""
    return await asyncio.gather(*(listen(port, payload) for payload in payloads))


async def crowd(ours: Server, hit: bytes, misses: int) -> tuple[list[Heard], list[float]]:
    """Hold `misses` streams and probe hits meanwhile."""

    async def staggered(number: int) -> Heard:
        await asyncio.sleep(number / misses)
        return await listen(ours.port, speak("a long one"))

    streams = asyncio.gather(*(staggered(number) for number in range(misses)))
    probes = await asyncio.gather(*(probe(ours.port, hit, 2.0) for _ in range(4)))
    return list(await streams), [each for part in probes for each in part]


async def idle(ours: Server, hit: bytes) -> list[float]:
    """Return hit latencies while nothing else happens."""
    probes = await asyncio.gather(*(probe(ours.port, hit, 2.0) for _ in range(4)))
    return [each for part in probes for each in part]


def main() -> None:
    """Print what one, a hundred, and too many misses do."""
    with vendor() as slow, sayna(slow.port) as ours:
        hit = speak("the one that is cached")
        for _ in range(40):
            asyncio.run(listen(ours.port, hit))
        first_bytes(slow, ours)
        quiet = percentile(asyncio.run(idle(ours, hit)), 0.99)
        own = [each.first_ms for each in asyncio.run(together(slow.port, [direct("a long one")] * TOGETHER))]
        ratios, late, held = [], [], 0
        for _ in range(3):
            streams, hits = asyncio.run(crowd(ours, hit, TOGETHER))
            held = min(held or TOGETHER, sum(each.status == 200 and each.size == 100_000 for each in streams))
            late.append(percentile([each.first_ms for each in streams], 0.99) - median(own))
            ratios.append(percentile(hits, 0.99) / percentile(asyncio.run(idle(ours, hit)), 0.99))
        report("100 misses: streams that were held and whole", held, "100", held == TOGETHER)
        report(
            "100 misses: first byte p99 over the vendor's, ms (best of 3)",
            min(late),
            "<= 30",
            min(late) <= 30,
        )
        report("100 misses: hit p99 over its idle p99 (best of 3)", min(ratios), "<= 2.5", min(ratios) <= 2.5)
        overload(ours, hit, quiet)


def overload(ours: Server, hit: bytes, quiet: float) -> None:
    """Ask for half as many more misses as there are places."""
    streams, hits = asyncio.run(crowd(ours, hit, CAPACITY * 3 // 2))
    refused = [each.first_ms for each in streams if each.status == 503]
    broken = sum(each.status == 200 and each.size != 100_000 for each in streams)
    over = percentile(hits, 0.99) - quiet
    print(f"    overload: {len(streams)} asked, {len(refused)} refused, {broken} broken")
    report(
        "overload: refusal p99, ms",
        percentile(refused, 0.99) if refused else 0,
        "< 50",
        bool(refused) and percentile(refused, 0.99) < 50,
    )
    report("overload: hit p99 over idle, ms", over, "<= 20", over <= 20)


if __name__ == "__main__":
    main()
