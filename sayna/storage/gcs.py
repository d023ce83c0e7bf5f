"""Objects in Google Cloud Storage, through its JSON API.

API: https://cloud.google.com/storage/docs/json_api/v1 . An object's `generation` names its content, and a
download names the generation, so a response never mixes two versions. A 404 may mean the object or the whole
bucket, and only the message differs; a second call, to the bucket, tells which.
"""

import json
import random
import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from sayna import http
from sayna.cloud.google import GoogleTokens, NoToken, read_account
from sayna.config import RecordingConfig, Secret
from sayna.storage import LINK_SECONDS, ByteRange, ObjectInfo, ObjectLink, ObjectStream, ObjectSummary, Store, failure

FIELDS = "size,generation,updated,metadata,contentEncoding"
# full_control could also change who may read: https://cloud.google.com/storage/docs/oauth-scopes
SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
CONNECT_SECONDS = 3.0
CALL_SECONDS = 10.0
# Longest pause within a download; the whole download has no time limit.
PAUSE_SECONDS = 15.0
MAX_JSON_BYTES = 8 * 2**20
AS_JSON = {"Content-Type": "application/json"}
OK, REMOVED, PARTIAL, UNAUTHORIZED, ABSENT, REFUSED = 200, 204, 206, 401, 404, 412
# https://cloud.google.com/storage/docs/retry-strategy
RETRIED = frozenset({408, 429, 500, 502, 503, 504})

_failure = partial(failure, "gcs")


class GCSStore(Store):
    """One bucket, read and written with a service account."""

    def __init__(self, config: RecordingConfig, attempts: int, seconds: float | None) -> None:
        self._attempts = attempts
        self._seconds = seconds or CALL_SECONDS
        text = config.gcs_credentials_json.reveal() if config.gcs_credentials_json else str(config.gcs_credentials_path)
        self._tokens = GoogleTokens(read_account(text), SCOPES)
        self._endpoint, self._bucket = config.gcs_endpoint, quote(config.gcs_bucket or "", safe="")
        self._objects = f"{self._endpoint}/storage/v1/b/{self._bucket}/o"
        self._uploads = f"{self._endpoint}/upload/storage/v1/b/{self._bucket}/o"

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object (objects.get)."""
        reply = self._send("GET", self._url(key), params={"fields": FIELDS})
        return None if self._is_absent(reply) else _info(_json(reply))

    def open(self, key: str, span: ByteRange | None = None, info: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object whose body is still on the wire (objects.get with alt=media)."""
        info = info or self.find(key)
        if info is None:
            return None
        span = span or ByteRange(0, info.size)
        part = {"Range": f"bytes={span.start}-{span.start + span.length - 1}"} if span.length < info.size else {}
        params = {"alt": "media", "generation": info.etag.strip('"')}
        reply = self._send(
            "GET", self._url(key), params=params, headers=part, deadline=http.IdleTimeout.after(PAUSE_SECONDS)
        )
        as_described = reply.headers.get("content-length") == str(span.length)
        # Google unpacks an object stored as gzip, and then its length differs from the description:
        # https://cloud.google.com/storage/docs/transcoding
        if reply.status not in (OK, PARTIAL) or not as_described or "content-encoding" in reply.headers:
            reply.close()
            raise _failure(f"status {reply.status}, or other content than described")
        return ObjectStream(info, span, partial(_read, reply), reply.close)

    def link(self, key: str, info: ObjectInfo) -> ObjectLink | None:
        """Return a signed URL of the XML API, or None with OUTBOUND_PROXY, which nginx does not use."""
        if not info.linkable or http.proxy_for(urlsplit(self._endpoint).hostname or ""):
            return None
        version = {"generation": info.etag.strip('"')}
        url = f"{self._endpoint}/{self._bucket}/{quote(key)}"
        return ObjectLink(Secret(self._tokens.signed_url(url, version, LINK_SECONDS)))

    def read(self, key: str, limit: int) -> bytes | None:
        """Return a small object in one exchange (objects.get with alt=media)."""
        reply = self._send("GET", self._url(key), params={"alt": "media"}, max_bytes=limit)
        try:
            if self._is_absent(reply):
                return None
            # A response without this header is not from Google, for instance the page of a captive portal.
            if reply.status != OK or "x-goog-generation" not in reply.headers:
                raise _failure(f"status {reply.status}")
            return reply.read()
        except http.TransportError as error:
            raise _failure(type(error).__name__) from error
        finally:
            reply.close()

    def write(self, key: str, content: bytes, *, if_absent: bool = False, replacing: ObjectInfo | None = None) -> bool:
        """Store a small object (objects.insert); Google checks the condition (ifGenerationMatch)."""
        generation = replacing.etag.strip('"') if replacing else "0"
        condition = {"ifGenerationMatch": generation} if if_absent or replacing else {}
        params = {"uploadType": "media", "name": key, **condition}
        reply = self._send("POST", self._uploads, params=params, headers=AS_JSON, data=content)
        # The object may be from an earlier attempt of this call, stored although Google answered 503.
        # The recorder then waits until that claim is stale.
        if condition and reply.status == REFUSED:
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
        """Return one page (objects.list). startOffset is inclusive; `!` makes it start behind `after`."""
        fields = "items(name,size,generation,updated),nextPageToken"
        params = {"prefix": prefix, "maxResults": str(limit), "fields": fields}
        if after:
            params["startOffset"] = f"{after}!"
        page = _json(self._send("GET", self._objects, params=params))
        return [_summary(item) for item in page.get("items", ())], "nextPageToken" in page

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
        """Return the response, after retries of temporary errors; a refused token is renewed once."""
        refused: str | None = None
        call = {"deadline": http.Deadline.after(self._seconds), "max_bytes": MAX_JSON_BYTES, **call}
        for left in reversed(range(self._attempts)):
            try:
                token = self._tokens.token(refused)
                reply = http.send(
                    method,
                    url,
                    headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                    connect_seconds=CONNECT_SECONDS,
                    **call,
                )
            except (NoToken, http.TransportError) as error:
                if not left or not isinstance(error, http.Unreachable):
                    raise _failure(type(error).__name__) from error
                continue
            if not left or (reply.status not in RETRIED and (reply.status != UNAUTHORIZED or refused)):
                return reply
            reply.close()
            refused = token if reply.status == UNAUTHORIZED else None
            time.sleep(random.uniform(0.05, 0.25))  # noqa: S311
        raise AssertionError("unreachable: the last attempt returns or raises")


def _read(reply: "http.StreamedResponse", size: int) -> bytes:
    try:
        return reply.read1(size)
    except http.TransportError as error:
        raise _failure(type(error).__name__) from error


def _json(reply: "http.StreamedResponse") -> dict[str, Any]:
    """Return the JSON object of a 200."""
    try:
        value = json.loads(reply.read()) if reply.status == OK else None
    except (http.TransportError, ValueError) as error:
        raise _failure(type(error).__name__) from error
    finally:
        reply.close()
    if type(value) is not dict:
        raise _failure(f"status {reply.status} without the object expected")
    return value


def _info(item: Mapping[str, Any]) -> ObjectInfo:
    try:
        etag, modified = f'"{int(item["generation"])}"', datetime.fromisoformat(item["updated"])
        # The XML API sends metadata in headers of any name, and unpacks what is stored as gzip.
        return ObjectInfo(int(item["size"]), etag, modified, not {"metadata", "contentEncoding"} & set(item))
    except (KeyError, TypeError, ValueError) as error:
        raise _failure("no description of an object") from error


def _summary(item: Mapping[str, Any]) -> ObjectSummary:
    info = _info(item)
    return ObjectSummary(str(item["name"]), info.size, info.etag, info.modified)
