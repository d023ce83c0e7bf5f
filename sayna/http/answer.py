"""Answers that are whole."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
