"""A recording of 1 GB through the service, by nginx, and straight from a real S3 server: speed, memory, first byte.

Run: .venv/bin/python -m bench.recordings (needs curl, nginx and .tools/bin/versitygw; the object is a sparse file).
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.harness import ROOT, TOKEN, Server, free_port, gunicorn, median, report, running, tree, wait_for
from tests.e2e.servers import rendered

SIZE = 10**9
ROUNDS = 3
KEYS = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench-secret"}
SIGNING = Config(signature_version="s3v4", s3={"addressing_style": "path"})
BIG, SMALL = "big/audio.ogg", "small/audio.ogg"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One download by curl: seconds until the first byte and until the last."""

    first: float
    total: float


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, store(Path(folder)) as port:
        client: Any = boto3.session.Session().client(
            "s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{port}", config=SIGNING, **KEYS
        )
        straight = [sign(client, key) for key in (BIG, SMALL)]
        with (
            gunicorn("wsgi:app", **settings(port)) as server,
            gunicorn("wsgi:app", **settings(port), RECORDING_ACCEL_PREFIX="/_store") as behind,
            nginx(Path(folder), behind.port) as front,
        ):
            compare(server, straight, recordings(server.port), recordings(front))


def recordings(port: int) -> list[str]:
    """Return the URLs of both recordings at a port."""
    return [f"http://127.0.0.1:{port}/recording/{name}" for name in ("big", "small")]


def compare(server: Server, straight: list[str], served: list[str], by_nginx: list[str]) -> None:
    """Take turns between the store, the service and nginx."""
    for _, small in (straight, served, by_nginx):
        curl(small)
    before = peak_megabytes(server)
    taken: list[list[float]] = [[], [], []]
    cpu = server.cpu_seconds()
    for _ in range(ROUNDS):
        for seconds, (big, _) in zip(taken, (straight, served, by_nginx), strict=True):
            seconds.append(curl(big).total)
    cpu = (server.cpu_seconds() - cpu) / ROUNDS
    grown = peak_megabytes(server) - before
    direct, through, nginx_sent = (median(seconds) for seconds in taken)
    print(f"straight from the store: {SIZE / 1e6 / direct:.0f} MB/s")
    report("1 GB: speed by nginx / straight from the store", direct / nginx_sent, ">= 0.9", direct / nginx_sent >= 0.9)
    ratio = direct / through
    report("1 GB: speed through the service / straight from the store", ratio, ">= 0.65", ratio >= 0.65)
    report("1 GB: CPU of the service, seconds", cpu, "<= 0.8", cpu <= 0.8)
    report("1 GB: growth of the worker's memory, MB", grown, "< 16", grown < 16)
    for name, (_, small) in (("the service", served), ("nginx", by_nginx)):
        firsts = [(curl(straight[1]).first, curl(small).first) for _ in range(20)]
        later = median([(ours - theirs) * 1000 for theirs, ours in firsts])
        report(f"first byte of {name}: ms later than the store's own", later, "<= 10", later <= 10)


def curl(url: str) -> Fetched:
    """Download to nowhere; raises CalledProcessError when the answer is not whole."""
    shown = "%{time_starttransfer} %{time_total}"
    header = f"Authorization: Bearer {TOKEN}" if "/recording/" in url else "X-Bench: 1"
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", shown, "-H", header, url]
    first, total = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Fetched(float(first), float(total))


@contextlib.contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[int]:
    """Run the shipped nginx.conf with nginx-recordings.conf in it, in front of a port."""
    program = shutil.which("nginx")
    if program is None:
        raise SystemExit("this needs nginx; .ci/run says how to get it")
    port = free_port()
    config = rendered(folder, Path("none"), port)
    text = config.read_text("utf-8").replace("unix:none", f"127.0.0.1:{upstream}")
    include = "# include /opt/sayna/current/deploy/nginx-recordings.conf;"
    config.write_text(text.replace(include, f"include {ROOT}/deploy/nginx-recordings.conf;"), "utf-8")
    with running([program, "-p", str(folder), "-c", str(config), "-g", "daemon off;"]):
        wait_for(port)
        yield port


def peak_megabytes(server: Server) -> float:
    """Return the highest resident size that any process of the server had so far, in 10^6 bytes."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in tree(server.pid)[1:]]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("VmHWM")]
    return max(int(line.split()[1]) for line in lines) * 1024 / 1e6


def sign(client: Any, key: str) -> str:
    """Return a URL at which the store hands the object to anyone."""
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": "bench", "Key": key})
    return url


def settings(port: int) -> dict[str, str]:
    """Return what makes Sayna serve from the store, with one worker whose memory can be told."""
    return {
        "AUTH_REQUIRED": "true",
        "AUTH_API_SECRET": TOKEN,
        "WEB_CONCURRENCY": "1",
        "RECORDING_S3_BUCKET": "bench",
        "RECORDING_S3_REGION": "us-east-1",
        "RECORDING_S3_ACCESS_KEY": KEYS["aws_access_key_id"],
        "RECORDING_S3_SECRET_KEY": KEYS["aws_secret_access_key"],
        "RECORDING_S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "RECORDING_S3_FORCE_PATH_STYLE": "true",
    }


@contextlib.contextmanager
def store(folder: Path) -> Iterator[int]:
    """Run an S3 server over a folder with a large and a small object."""
    program = shutil.which("versitygw", path=f"{ROOT}/.tools/bin{os.pathsep}{os.environ['PATH']}")
    if program is None:
        raise SystemExit("this needs versitygw; .ci/run says how to get it")
    for key, size in ((BIG, SIZE), (SMALL, 100_000)):
        path = folder / "bench" / key
        path.parent.mkdir(parents=True)
        path.touch()
        os.truncate(path, size)
    port = free_port()
    options = ["--port", f"127.0.0.1:{port}", "--quiet", "--keep-alive"]
    keys = ["--access", KEYS["aws_access_key_id"], "--secret", KEYS["aws_secret_access_key"]]
    backend = ["posix", "--nometa", "--default-etag", "0" * 32, str(folder)]
    command = [program, *options, *keys, *backend]
    with running(command):
        wait_for(port)
        yield port


if __name__ == "__main__":
    main()
