"""A TCP port that passes bytes on to a socket of this machine, late. Stopped by a signal, it holds them.

`python -m tests.e2e.slow_link HOST PORT SOCKET`; a process of its own, because the threads of a test would delay it.
"""

import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e.wire import Address

DELAY = 0.001  # seconds, each way


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what one side says until it has said everything."""
    with suppress(OSError):
        while data := source.recv(2**16):
            time.sleep(DELAY)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def main(host: str, port: str, target: str) -> None:
    """Pass on every connection."""
    listener = socket.create_server((host, int(port)))
    print("listening", flush=True)
    while True:
        near, _ = listener.accept()
        far = Address(path=Path(target)).connect()
        far.settimeout(None)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=pass_on, args=(source, sink), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
