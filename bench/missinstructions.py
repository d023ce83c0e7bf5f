"""Instructions of a miss in process over those of the bare proxy (bench/proxy.py), counted by callgrind.

valgrind has no instructions for SHA-256: the digest of 10 kB takes 0.3 million instructions here, and almost nothing
on a processor that has them.
"""

import gc
import io
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from bench.harness import report, vendor
from bench.instructions import AUTH, environ, instructions, toggle

MISSES, WARM = 40, 30
# A vendor's name for two pieces at once (bench/vendor.py).
SHAPE = "instant"
_numbers = itertools.count()


def one_miss(application: Callable[..., Any]) -> None:
    """Ask for a text that is new; raises RuntimeError unless the answer is 200."""
    text = f"{SHAPE} {next(_numbers)}"
    body = json.dumps({"text": text, "provider": "deepgram", "audio_format": "linear16"}).encode()
    told: list[str] = []
    asked = environ("POST") | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    answer = application(asked, lambda status, _headers, _error=None: told.append(status))
    for _ in answer:
        pass
    answer.close()
    if told != ["200 OK"]:
        raise RuntimeError(str(told))


def run(name: str) -> None:
    """Do the misses of one application, in the process that valgrind watches."""
    if name == "proxy":
        from bench.proxy import app as application  # noqa: PLC0415 - each process measures one application
    else:
        from app import create_app  # noqa: PLC0415 - it reads the environment

        application = create_app()
    for _ in range(WARM):
        one_miss(application)
    gc.collect()
    gc.disable()
    toggle(is_on=True)
    for _ in range(MISSES):
        one_miss(application)
    toggle(is_on=False)
    os._exit(0)


def main() -> None:
    """Count both, and print the ratio."""
    with vendor() as slow, tempfile.TemporaryDirectory() as folder:
        port = str(slow.port)
        settings = AUTH | {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{port}", "VENDOR": port}
        module = "bench.missinstructions"
        floor, ours = (
            instructions(name, folder, settings, module=module, requests=MISSES) for name in ("proxy", "sayna")
        )
    print(f"    instructions of a miss of two pieces: {ours:,.0f}, of the proxy {floor:,.0f}")
    report("miss, 2 pieces: instructions over the proxy's", ours / floor, "<= 1.8", ours / floor <= 1.8)


if __name__ == "__main__":
    run(sys.argv[1]) if len(sys.argv) > 1 else main()
