"""A vendor that speaks Deepgram's wire and takes its time: first audio after 100 ms, then a second of it.

`python -m bench.vendor PORT`. GET /count tells how many calls were made. A text that holds the word "framed"
is answered with Content-Length, others in chunks. "short" gets one piece, "endless" four times as many.
"quick" gets its first audio at once and the rest within 100 ms, "instant" two pieces at once. "minutes" gets five
minutes at once.
"""

import asyncio
import json
import random
import re
import sys
from urllib.parse import parse_qs, urlsplit

FIRST_SECONDS, PIECES, PIECE_BYTES, GAP_SECONDS = 0.1, 20, 5000, 0.05
# Five minutes of 24 kHz, which no codec makes small.
MINUTES = random.Random(1).randbytes(300 * 48000)
QUICK_GAP_SECONDS = 0.005
calls = 0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests until the peer leaves."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await _answer(head.decode("latin-1"), reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    global calls  # noqa: PLW0603
    target = urlsplit(head.split(" ")[1])
    if target.path == "/count":
        body = str(calls).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return await writer.drain()
    length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
    text = json.loads(await reader.readexactly(int(length[1]) if length else 0))["text"]
    calls += 1
    pieces = 1 if "short" in text else 2 if "instant" in text else 4 * PIECES if "endless" in text else PIECES
    framed, hurries = "framed" in text, "quick" in text or "instant" in text
    audio, gap = bytes(PIECE_BYTES), QUICK_GAP_SECONDS if hurries else GAP_SECONDS
    if "minutes" in text:
        pieces, audio, gap = 1, MINUTES, 0
    await asyncio.sleep(0 if hurries else FIRST_SECONDS)
    size = b"Content-Length: %d" % (pieces * len(audio)) if framed else b"Transfer-Encoding: chunked"
    rate = parse_qs(target.query).get("sample_rate", ["24000"])[0].encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm;rate=%s\r\n%s\r\n\r\n" % (rate, size))
    for piece in range(pieces):
        if piece:
            await asyncio.sleep(gap)
        writer.write(audio if framed else b"%x\r\n%s\r\n" % (len(audio), audio))
        await writer.drain()
    if not framed:
        writer.write(b"0\r\n\r\n")
    return await writer.drain()


async def _main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
