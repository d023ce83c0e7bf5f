"""Instructions of a hit in process over those of bare Flask's view, counted by callgrind: the same on a busy machine.

The program runs itself under valgrind, and lets callgrind count only the hits.
"""

import contextlib
import ctypes
import gc
import io
import mmap
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.harness import ROOT, TOKEN, report, vendor
from sayna import metrics
from sayna.config import load_config
from tests.blueprints.clips import SECRETS, path_of

HITS, WARM = 100, 100
# mov rax, rdi; mov rdx, rsi; the four rotations and the xchg by which valgrind knows a request; mov rax, rdx; ret.
CLIENT_REQUEST = bytes.fromhex("4889f8 4889f2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db 4889d0 c3")
# CALLGRIND_START_INSTRUMENTATION and CALLGRIND_STOP_INSTRUMENTATION of callgrind.h.
START, STOP = (ord("C") << 24) + (ord("T") << 16) + 4, (ord("C") << 24) + (ord("T") << 16) + 5
BODY = b'{"text":"a sentence that is cached","provider":"deepgram","audio_format":"linear16"}'
# Each row of the table: the settings beside those of all, and the request line.
AUTH = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": TOKEN}
CLIP = {"t": "a clip that is cached", "p": "deepgram", "v": "aura-2-thalia-en"}
VARIANTS: dict[str, dict[str, str]] = {
    "POST /speak": AUTH,
    "POST /speak, metrics": {**AUTH, "METRICS_ENABLED": "true"},
    "POST /speak, no auth": {"AUTH_REQUIRED": "false"},
    "POST /speak, no log": {**AUTH, "LOG_LEVEL": "warning"},
    "GET /clip": {**AUTH, "CLIP_SECRETS_JSON": SECRETS},
}


def environ(name: str) -> dict[str, Any]:
    """Return what gunicorn passes to the application, with the headers that a client sends."""
    is_clip = name.startswith("GET")
    return {
        "REQUEST_METHOD": "GET" if is_clip else "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path_of(CLIP, "sln24") if is_clip else "/speak",
        "QUERY_STRING": "",
        "RAW_URI": "/speak",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "0" if is_clip else str(len(BODY)),
        "HTTP_HOST": "bench",
        "HTTP_ACCEPT": "*/*" if is_clip else "audio/pcm",
        "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"" if is_clip else BODY),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def one_hit(application: Any, name: str) -> int:
    """Return the bytes of one answer; raises RuntimeError unless it is 200."""
    told: list[str] = []
    answer = application(environ(name), lambda status, _headers, _error=None: told.append(status))
    size = sum(map(len, answer))
    answer.close()
    if told != ["200 OK"]:
        raise RuntimeError(f"{name}: {told}")
    return size


def toggle(*, is_on: bool) -> None:
    """Let callgrind begin or end to count: a client request as valgrind.h makes it on x86-64."""
    with mmap.mmap(-1, len(CLIENT_REQUEST), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        memory.write(CLIENT_REQUEST)
        code = ctypes.c_char.from_buffer(memory)
        ask = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)(ctypes.addressof(code))
        ask((ctypes.c_uint64 * 6)(START if is_on else STOP), 0)
        # The memory cannot be closed while an object refers to it.
        del code


def run(name: str) -> None:
    """Do the hits of one variant, in the process that valgrind watches."""
    if name == "floor":
        from bench.floor import app as application  # noqa: PLC0415 - each process measures one application
    else:
        from app import create_app  # noqa: PLC0415 - it reads the environment

        application = create_app()

    def hits(count: int) -> None:
        for _ in range(count):
            one_hit(application, name)

    hits(WARM)
    metrics.flush()
    # What the collector would do at some hits is not the cost of these.
    gc.collect()
    gc.disable()
    toggle(is_on=True)
    hits(HITS)
    # Each worker does this twice a second.
    metrics.flush()
    toggle(is_on=False)
    config = load_config()
    shutil.rmtree(metrics.folder_of(config.server.bind, str(config.cache.path)), ignore_errors=True)
    os._exit(0)


def instructions(
    name: str, folder: str, env: dict[str, str], *, module: str = "bench.instructions", requests: int = HITS
) -> float:
    """Return the instructions of one request of a module; PROFILE names a file for callgrind_annotate."""
    out = os.environ.get("PROFILE") or f"{folder}/callgrind.out"
    argv = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    settings = {**os.environ, "PYTHONHASHSEED": "0", "CACHE_PATH": f"{folder}/cache"} | env
    subprocess.run(
        [*argv, sys.executable, "-m", module, name],
        cwd=ROOT, env=settings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    total = re.search(r"^totals: (\d+)", Path(out).read_text("utf-8", "replace"), re.MULTILINE)
    if total is None:
        raise RuntimeError(f"callgrind counted nothing: {out}")
    return int(total[1]) / requests


@contextlib.contextmanager
def variants() -> Iterator[Callable[[str], float]]:
    """Yield what counts one variant, beside a vendor that renders each clip once."""
    with vendor() as slow, tempfile.TemporaryDirectory() as folder:
        deepgram = {"DEEPGRAM_API_KEY": "key", "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{slow.port}"}

        def count(name: str) -> float:
            return instructions(name, folder, deepgram | VARIANTS.get(name, {}))

        yield count


def main() -> None:
    """Count bare Flask and every variant, and print the ratios."""
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is missing: apt-get install valgrind")
    with variants() as count:
        floor = count("floor")
        found = {name: count(name) for name in VARIANTS}
    print(f"    instructions of bare Flask's view: {floor:,.0f}")
    for name, each in found.items():
        print(f"    {name:<30} {each:>12,.0f}  {each / floor:.2f}")
    whole = found["POST /speak"]
    report("hit, bytes: instructions over bare Flask's", whole / floor, "<= 2.3", whole / floor <= 2.3)
    share = 100 * (found["POST /speak, metrics"] / whole - 1)
    # gunicorn and the kernel take twice as much again, which no callable shows: 4 % of it is less than 2 % of a hit.
    report("metrics: per cent of a hit in process", share, "<= 4", share <= 4)


if __name__ == "__main__":
    run(sys.argv[1]) if len(sys.argv) > 1 else main()
