"""The bytes of one request, collected until the request is whole."""

import re
from enum import Enum, auto

from gunicorn.http.errors import (
    InvalidChunkSize,
    InvalidHeader,
    InvalidHTTPVersion,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
)

MAX_LINE = 8190  # bytes: limit_request_line of gunicorn.conf.py
MAX_HEAD = 65536  # bytes
MAX_DIGITS = 15
# A chunk of one byte takes six, and its extension more.
CHUNK_OVERHEAD = 8

# Nothing here is stricter than gunicorn's own parser, which judges every whole request again.
_METHOD = rb"[A-Z0-9!$%&'*+.^_`|~-]{1,20}"
_LINE = re.compile(_METHOD + rb" [\x21-\x7e]+ HTTP/(\d)\.\d")
_PART_OF_LINE = re.compile(_METHOD + rb"(?: [\x21-\x7e]*(?: [HTP/0-9.]{0,8}\r?)?)?")
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.I)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r]*)?")


class Progress(Enum):
    """How much of a request is there."""

    EMPTY = auto()
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()
    # More than the largest body that any route accepts: the application refuses it.
    TOO_LARGE = auto()


class RequestBuffer:
    """Collects a request whose body has at most `max_body` bytes."""

    def __init__(self, max_body: int) -> None:
        self.data = bytearray()
        self.progress = Progress.EMPTY
        self.expects_continue = False
        self._max_body = max_body
        self._end: int | None = None
        self._at = 0
        self._body = 0

    def feed(self, data: bytes) -> Progress:
        """Return how much is there now; raises ParseException where it cannot become a valid request."""
        self.data += data
        if self.progress in (Progress.EMPTY, Progress.HEAD):
            self.progress = self._read_head()
        if self.progress is Progress.BODY:
            self.progress = self._read_body()
        return self.progress

    def _read_head(self) -> Progress:
        # RFC 9112, 2.2: one empty line before the request line is ignored.
        start = 2 if self.data.startswith(b"\r\n") else 0
        line_end = self.data.find(b"\r\n", start)
        _check_line(bytes(self.data[start : line_end if line_end >= 0 else MAX_LINE + 2]), whole=line_end >= 0)
        end = self.data.find(b"\r\n\r\n", start)
        head = self.data if end < 0 else self.data[:end]
        if len(head) > MAX_HEAD:
            raise LimitRequestHeaders("")
        if head.count(b"\n") != head.count(b"\r\n"):
            raise InvalidHeader("")
        if end < 0:
            return Progress.HEAD if self.data else Progress.EMPTY
        self._read_framing(end)
        return Progress.BODY

    def _read_framing(self, head_end: int) -> None:
        """Find out where the body ends; where the fields contradict each other, gunicorn's parser refuses them."""
        self._at = head_end + 4
        old = b" HTTP/1.0\r\n" in self.data[:MAX_LINE]
        fields = [(match[1].lower(), match[2]) for match in _FRAMING.finditer(self.data, 0, head_end)]
        lengths = [value.strip() for name, value in fields if name == b"content-length"]
        self.expects_continue = (b"expect", b"100-continue") in [(name, value.lower()) for name, value in fields]
        codings = [value.strip().lower() for name, value in fields if name == b"transfer-encoding"]
        is_chunked = len(codings) == 1 and codings[0].endswith(b"chunked") and not lengths and not old
        known = len(lengths) == 1 and lengths[0].isdigit() and not codings
        self._end = None if is_chunked else self._at + (int(lengths[0][:MAX_DIGITS]) if known else 0)

    def _read_body(self) -> Progress:
        if self._end is None:
            return self._read_chunks()
        if self._end - self._at > self._max_body:
            return Progress.TOO_LARGE
        return Progress.WHOLE if len(self.data) >= self._end else Progress.BODY

    def _read_chunks(self) -> Progress:
        """Step over the chunks that are there; raises InvalidChunkSize."""
        if len(self.data) > MAX_HEAD + CHUNK_OVERHEAD * self._max_body:
            return Progress.TOO_LARGE
        while self._at < len(self.data):
            line_end = self.data.find(b"\r\n", self._at)
            if line_end < 0 and len(self.data) - self._at <= MAX_LINE:
                return Progress.BODY
            found = _CHUNK_SIZE.fullmatch(self.data, self._at, line_end) if line_end >= 0 else None
            if found is None:
                raise InvalidChunkSize(b"")
            size = int(found[1], 16)
            if size == 0:
                ended = self.data.find(b"\r\n\r\n", line_end) >= 0
                return Progress.WHOLE if ended or len(self.data) - line_end > MAX_HEAD else Progress.BODY
            arrived = min(size, len(self.data) - line_end - 2)
            if self._body + arrived > self._max_body:
                return Progress.TOO_LARGE
            if arrived < size:
                return Progress.BODY
            self._body += size
            self._at = line_end + 2 + size + 2
        return Progress.BODY


def _check_line(line: bytes, *, whole: bool) -> None:
    if len(line) > MAX_LINE:
        raise LimitRequestLine(len(line))
    if whole:
        found = _LINE.fullmatch(line)
        if found is None:
            raise InvalidRequestLine("")
        if found[1] != b"1":
            raise InvalidHTTPVersion("")
    elif line not in (b"", b"\r") and not _PART_OF_LINE.fullmatch(line):
        raise InvalidRequestLine("")
