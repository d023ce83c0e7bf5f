"""Cached speech against a bare Flask view that returns as many bytes from memory."""

import asyncio

from bench.harness import gunicorn, listen, load, median, report, request, sayna, vendor

ROUNDS = 7


def main() -> None:
    """Interleave floor, bytes and envelope, and print the ratios."""
    body: dict[str, object] = {
        "text": "a sentence that is cached",
        "provider": "deepgram",
        "audio_format": "linear16",
    }
    as_bytes, as_json = request("/speak", body), request("/speak", body, "application/json")
    of_openai = {"input": body["text"], "model": "deepgram", "response_format": "pcm"}
    as_openai = request("/v1/audio/speech", of_openai)
    with vendor() as slow, gunicorn("bench.floor:app") as floor, sayna(slow.port) as ours:
        asyncio.run(listen(ours.port, as_bytes))  # renders it
        load(ours, as_json, connections=16)  # warms every worker
        rates, cpus, envelopes, dialects = [], [], [], []
        for _ in range(ROUNDS):
            base, mine, envelope = load(floor, as_bytes), load(ours, as_bytes), load(ours, as_json)
            rates.append(mine.rate / base.rate)
            cpus.append(mine.cpu_ms / base.cpu_ms)
            envelopes.append(envelope.cpu_ms / mine.cpu_ms)
            dialects.append(load(ours, as_openai).cpu_ms / mine.cpu_ms)
    report(
        "hit, bytes: requests/s over the floor's (best round in brackets)",
        median(rates),
        ">= 0.65",
        median(rates) >= 0.65,
    )
    print(f"    best round {max(rates):.2f}; CPU per request over the floor's {median(cpus):.2f}")
    report("hit, JSON: CPU over the bytes form's", median(envelopes), "<= 1.5", median(envelopes) <= 1.5)
    report("hit, OpenAI: CPU over that of POST /speak", median(dialects), "<= 1.1", median(dialects) <= 1.1)


if __name__ == "__main__":
    main()
