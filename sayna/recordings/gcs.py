"""Recordings in Google Cloud Storage, through its JSON API.

API: https://cloud.google.com/storage/docs/json_api/v1 . An object's `generation` names its content: a
download is pinned to it, so what is sent never mixes two versions. A 404 may mean the object or the whole
bucket, and only its words tell which, so the bucket is asked.
"""

import json
import logging
import random
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from sayna import http
from sayna.cloud.google import GoogleTokens, NoToken, read_account
from sayna.config import RecordingConfig
from sayna.log import emit
from sayna.recordings.base import ByteRange, ObjectInfo, ObjectStream, ObjectSummary, Store
from sayna.recordings.errors import RecordingStorageUnavailable

# full_control could change who may read, too: https://cloud.google.com/storage/docs/oauth-scopes
SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
CONNECT_SECONDS = 3.0
CALL_SECONDS = 10.0
# Of silence within a download, which as a whole may take as long as it likes.
PAUSE_SECONDS = 15.0
MAX_JSON_BYTES = 8 * 2**20
AS_JSON = {"Content-Type": "application/json"}
OK, REMOVED, PARTIAL, UNAUTHORIZED, ABSENT, TAKEN = 200, 204, 206, 401, 404, 412
# https://cloud.google.com/storage/docs/retry-strategy
RETRIED = frozenset({408, 429, 500, 502, 503, 504})

logger = logging.getLogger("sayna.recordings")


class GCS(Store):
    """One bucket, read and written with a service account."""

    def __init__(self, config: RecordingConfig) -> None:
        text = config.gcs_credentials_json.reveal() if config.gcs_credentials_json else str(config.gcs_credentials_path)
        self._tokens = GoogleTokens(read_account(text), SCOPES)
        bucket = quote(config.gcs_bucket or "", safe="")
        self._objects = f"{config.gcs_endpoint}/storage/v1/b/{bucket}/o"
        self._uploads = f"{config.gcs_endpoint}/upload/storage/v1/b/{bucket}/o"

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object (objects.get)."""
        reply = self._send("GET", self._url(key), params={"fields": "size,generation,updated"})
        return None if self._is_absent(reply) else _found(_json(reply))

    def open(self, key: str, span: ByteRange | None = None, found: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object whose body is still on the wire (objects.get with alt=media)."""
        found = found or self.find(key)
        if found is None:
            return None
        span = span or ByteRange(0, found.size)
        part = {"Range": f"bytes={span.start}-{span.start + span.length - 1}"} if span.length < found.size else {}
        params = {"alt": "media", "generation": found.etag.strip('"')}
        reply = self._send(
            "GET", self._url(key), params=params, headers=part, deadline=http.IdleTimeout.after(PAUSE_SECONDS)
        )
        as_described = reply.headers.get("content-length") == str(span.length)
        # An object stored as gzip is unpacked on the way, and then has another length than described:
        # https://cloud.google.com/storage/docs/transcoding
        if reply.status not in (OK, PARTIAL) or not as_described or "content-encoding" in reply.headers:
            reply.close()
            raise _failure(f"status {reply.status}, or other content than described")
        return ObjectStream(found, span, partial(_piece, reply), reply.close)

    def read(self, key: str, limit: int) -> bytes | None:
        """Return a small object in one exchange (objects.get with alt=media)."""
        reply = self._send("GET", self._url(key), params={"alt": "media"}, max_bytes=limit)
        try:
            if self._is_absent(reply):
                return None
            # Without that header it is a captive portal's page, or somebody else's.
            if reply.status != OK or "x-goog-generation" not in reply.headers:
                raise _failure(f"status {reply.status}")
            return reply.read()
        except http.TransportError as error:
            raise _failure(type(error).__name__) from error
        finally:
            reply.close()

    def write(self, key: str, content: bytes, *, fresh: bool, over: ObjectInfo | None = None) -> bool:
        """Store a small object (objects.insert); whether it is the first is settled by the server."""
        only = {"ifGenerationMatch": over.etag.strip('"') if over else "0"} if fresh or over else {}
        params = {"uploadType": "media", "name": key, **only}
        reply = self._send("POST", self._uploads, params=params, headers=AS_JSON, data=content)
        # It may be our own: a write that was stored and answered 503 is tried again. The
        # recorder waits it out.
        if only and reply.status == TAKEN:
            reply.close()
            return False
        _json(reply)
        return True

    def delete(self, key: str) -> None:
        """Remove an object (objects.delete)."""
        reply = self._send("DELETE", self._url(key))
        reply.close()
        if reply.status not in (REMOVED, ABSENT):
            raise _failure(f"status {reply.status}")

    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return one page (objects.list); startOffset is inclusive, and just behind `after` is nothing."""
        fields = "items(name,size,generation,updated),nextPageToken"
        params = {"prefix": prefix, "maxResults": str(limit), "fields": fields}
        answer = _json(
            self._send("GET", self._objects, params=params | ({"startOffset": f"{after}!"} if after else {}))
        )
        return [_listed(item) for item in answer.get("items", ())], "nextPageToken" in answer

    def _is_absent(self, reply: "http.StreamedResponse") -> bool:
        if reply.status != ABSENT:
            return False
        reply.close()
        bucket = self._send("GET", self._objects, params={"maxResults": "1", "fields": "kind"})
        bucket.close()
        if bucket.status == ABSENT:
            raise _failure("no bucket")
        return True

    def _url(self, key: str) -> str:
        return f"{self._objects}/{quote(key, safe='')}"

    def _send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **call: Any
    ) -> "http.StreamedResponse":
        """Return an answer, after retries where the trouble may pass; a refused token is renewed once."""
        refused: str | None = None
        call = {"deadline": http.Deadline.after(CALL_SECONDS), "max_bytes": MAX_JSON_BYTES, **call}
        for last in (False, False, True):
            try:
                token = self._tokens.token(refused)
                reply = http.send(
                    method, url, headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                    connect_seconds=CONNECT_SECONDS, **call,
                )  # fmt: skip
            except (NoToken, http.TransportError) as error:
                if last or not isinstance(error, http.Unreachable):
                    raise _failure(type(error).__name__) from error
                continue
            if last or (reply.status not in RETRIED and (reply.status != UNAUTHORIZED or refused)):
                return reply
            reply.close()
            refused = token if reply.status == UNAUTHORIZED else None
            time.sleep(random.uniform(0.05, 0.25))  # noqa: S311
        raise AssertionError("unreachable: the last attempt returns or raises")


def _piece(reply: "http.StreamedResponse", size: int) -> bytes:
    try:
        return reply.read1(size)
    except http.TransportError as error:
        raise _failure(type(error).__name__) from error


def _json(reply: "http.StreamedResponse") -> dict[str, Any]:
    """Return the JSON object of a 200."""
    try:
        found = json.loads(reply.read()) if reply.status == OK else None
    except (http.TransportError, ValueError) as error:
        raise _failure(type(error).__name__) from error
    finally:
        reply.close()
    if type(found) is not dict:
        raise _failure(f"status {reply.status} without the object expected")
    return found


def _found(item: Mapping[str, Any]) -> ObjectInfo:
    try:
        return ObjectInfo(int(item["size"]), f'"{int(item["generation"])}"', datetime.fromisoformat(item["updated"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _failure("no description of an object") from error


def _listed(item: Mapping[str, Any]) -> ObjectSummary:
    found = _found(item)
    return ObjectSummary(str(item["name"]), found.size, found.etag, found.modified)


def _failure(reason: str) -> RecordingStorageUnavailable:
    emit(logger, logging.WARNING, "store_failed", backend="gcs", fault=reason)
    return RecordingStorageUnavailable("the storage of recordings cannot be used right now", retry_after=5)
