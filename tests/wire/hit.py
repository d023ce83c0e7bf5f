"""One request as it came over the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Hit:
    """A request with its raw query; header names are in lower case, `connection` counts from 1."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def params(self) -> dict[str, str]:
        """The query; fails on a key that comes twice."""
        pairs = parse_qsl(self.query, keep_blank_values=True, strict_parsing=bool(self.query))
        assert len(dict(pairs)) == len(pairs), f"a key comes twice: {self.query}"
        return dict(pairs)

    def json(self) -> Any:
        """The body; fails unless it is JSON that says so."""
        assert self.headers.get("content-type") == "application/json"
        return json.loads(self.body)


def read_hit(stream: BinaryIO, connection: int) -> Hit | None:
    """Return the next request of a connection, None when it was closed."""
    words = stream.readline().decode("ascii").split()
    if not words:
        return None
    method, target, _ = words
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"a header comes twice: {name}"
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    path, _, query = target.partition("?")
    return Hit(method, path, query, headers, body, connection)
