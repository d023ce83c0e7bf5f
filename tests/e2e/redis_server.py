"""The real redis-server or valkey-server on a free port of loopback."""

import os
import socket
from pathlib import Path
from typing import BinaryIO

from tests.e2e.program import Program
from tests.e2e.servers import free_port
from tests.e2e.wire import TIMEOUT, Address
from tests.programs import needs

HOW_TO_GET = {
    "redis-server": "apt-get install redis-server",
    "valkey-server": "the function install_valkey of .ci/run",
}


class Redis(Program):
    """A Redis that keeps nothing on disk, unless `more` says otherwise; with `config` it is a sentinel."""

    def __init__(
        self,
        folder: Path,
        *more: str,
        port: int | None = None,
        config: Path | None = None,
        program: str = "redis-server",
    ) -> None:
        program = needs(program, HOW_TO_GET[program])
        self.address = Address(port or free_port())
        where = ["--port", str(self.address.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        argv = [program, str(config), *where, "--sentinel"] if config else [program, *where, "--save", "", *more]
        super().__init__(argv, cwd=folder, env=dict(os.environ), log=folder / "redis.log")

    @property
    def url(self) -> str:
        """The value of REDIS_URL."""
        return f"redis://127.0.0.1:{self.address.port}/0"

    def command(self, *words: str) -> bytes:
        """Return the whole answer to a command that needs no login."""
        asked = b"".join(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()) for word in words)
        with (
            socket.create_connection(("127.0.0.1", self.address.port), TIMEOUT) as connection,
            connection.makefile("rb") as answer,
        ):
            connection.sendall(b"*%d\r\n%b" % (len(words), asked))
            return _reply(answer)


def _reply(answer: BinaryIO) -> bytes:
    """Return one reply of RESP2 with all that belongs to it."""
    line = answer.readline()
    kind, size = line[:1], line[1:].strip()
    if kind == b"$":
        return line + answer.read(int(size) + 2 if size != b"-1" else 0)
    if kind == b"*":
        return line + b"".join(_reply(answer) for _ in range(int(size)))
    return line
