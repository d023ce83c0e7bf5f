"""GET /voices: cold, with vendors that each take 800 ms, and warm, against a bare view with as many bytes.

`python -m bench.voices vendors PORT` is those vendors: one server that gives each of them 200 voices.
"""

import asyncio
import http.client
import json
import sys
import time
from urllib.parse import urlsplit

from bench.harness import TOKEN, free_port, gunicorn, load, median, report, running, sayna, wait_for
from sayna.providers import PROVIDERS

ROUNDS, VENDOR_SECONDS, VOICES = 7, 0.8, 200


def _catalogues() -> dict[str, object]:
    """Return what each vendor answers, by the path at which it is asked."""
    numbers = range(VOICES)
    return {
        "/v1/models": {
            "tts": [{"canonical_name": f"aura-2-v{n}-en", "name": f"v{n}", "languages": ["en-US"]} for n in numbers]
        },
        "/v2/voices": {
            "voices": [{"voice_id": f"v{n}", "name": f"v{n}", "labels": {"gender": "male"}} for n in numbers],
            "has_more": False,
        },
        "/cognitiveservices/voices/list": [
            {"ShortName": f"en-US-V{n}Neural", "DisplayName": f"v{n}", "Locale": "en-US", "Gender": "Female"}
            for n in numbers
        ],
        "/voices": {
            "data": [{"id": f"v{n}", "name": f"v{n}", "language": "en"} for n in numbers],
            "has_more": False,
        },
        "/openai/audio/voices": {"voices": [f"v{n}" for n in numbers]},
    }


async def _vendors(port: int) -> None:
    catalogues = _catalogues()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = urlsplit((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()).path
        if path != "/":
            await asyncio.sleep(VENDOR_SECONDS)
        body = json.dumps(catalogues.get(path, {})).encode()
        status = b"200 OK" if path in catalogues else b"404 Not Found"
        head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


def _settings(port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {
        "DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": url,
        "ELEVENLABS_API_KEY": "key", "ELEVENLABS_BASE_URL": url,
        "AZURE_SPEECH_SUBSCRIPTION_KEY": "key", "AZURE_SPEECH_BASE_URL": url,
        "CARTESIA_API_KEY": "key", "CARTESIA_BASE_URL": url,
        "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": f"{url}/openai",
    }  # fmt: skip


def _get(path: str, etag: str = "") -> bytes:
    known = f"If-None-Match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n{known}\r\n".encode()


def _cold(port: int) -> tuple[float, int, str, str]:
    """Return seconds, bytes, the entity tag and who failed of the first request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.monotonic()
    connection.request("GET", "/voices", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.monotonic() - began
    return seconds, len(body), answer.headers["ETag"], answer.headers.get("X-Voices-Failed", "nobody")


def main() -> None:
    """Print how long the first request takes, and the ratio of those after it."""
    port = free_port()
    vendors = [sys.executable, "-m", "bench.voices", "vendors", str(port)]
    with running(vendors), sayna(None, **_settings(port)) as ours, gunicorn("bench.floor:app") as floor:
        wait_for(port)
        seconds, size, etag, failed = _cold(ours.port)
        asked = len({"deepgram", "elevenlabs", "azure", "cartesia", "openai"} & set(PROVIDERS))
        print(f"    {asked} vendors, {size} bytes; failed: {failed}")
        report("cold: seconds of the first GET /voices", seconds, "<= 1.3", seconds <= 1.3)
        warm, bare = _get("/voices"), _get(f"/bytes/{size}")
        load(ours, warm, seconds=1.5)
        rates, unchanged = [], []
        for _ in range(ROUNDS):
            base = load(floor, bare)
            rates.append(load(ours, warm).rate / base.rate)
            unchanged.append(load(ours, _get("/voices", etag)).rate / base.rate)
    report("warm: requests/s over the floor's, same bytes", median(rates), ">= 0.6", median(rates) >= 0.6)
    print(f"    best round {max(rates):.2f}; 304 over the same floor {median(unchanged):.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["vendors"]:
        asyncio.run(_vendors(int(sys.argv[2])))
    else:
        main()
