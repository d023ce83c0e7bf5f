"""Recordings in S3 or a server like it (MinIO, R2, Ceph, versitygw), through boto3.

API: https://docs.aws.amazon.com/AmazonS3/latest/API/ . Quirks: the answer to HEAD carries no error code, so a
404 may mean the object or the whole bucket and is asked again as a GET; checksums that are not required are
left out, because many compatible servers refuse them.
"""

import logging
import os
import threading
import time
from functools import partial
from typing import Any, cast

from sayna.cloud import aws
from sayna.config import RecordingConfig
from sayna.log import emit
from sayna.recordings.base import ByteRange, ObjectInfo, ObjectStream, ObjectSummary, Store
from sayna.recordings.errors import RecordingStorageUnavailable

CONNECT_SECONDS = 2
FIRST_BYTE_SECONDS = 4
PAUSE_SECONDS = 15
# Before the first byte only: what a caller has begun to hear is broken off, never begun anew.
ATTEMPTS = 3
# As many as a worker has threads: beyond botocore's own ten each would be opened anew and thrown away.
CONNECTIONS = 64
# HEAD has no body, so botocore has nothing but the status for a code.
ABSENT = frozenset({"NoSuchKey", "404"})
# The second one is a 409: another conditional write of the same key was under way. The third one is what
# If-Match gets where the object is gone.
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})

logger = logging.getLogger("sayna.upstream")


class S3(Store):
    """One bucket. Each process makes its own client with the first use: connections do not survive a fork."""

    def __init__(self, config: RecordingConfig) -> None:
        self._config = config
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object (HeadObject)."""
        answer = self._call("head_object", Key=key)
        if answer is None:
            # Raises where it is the bucket that is missing: GetObject has a body that says so.
            if appeared := self.open(key):
                appeared.close()
            return None
        return _found(answer)

    def open(self, key: str, span: ByteRange | None = None, found: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object whose body is still on the wire (GetObject)."""
        wanted: dict[str, Any] = {"IfMatch": found.etag} if found else {}
        if span and found and span.length < found.size:
            wanted["Range"] = f"bytes={span.start}-{span.start + span.length - 1}"
        answer = self._call("get_object", Key=key, **wanted)
        if answer is None:
            return None
        body = answer["Body"]
        found = found or _found(answer)
        span = span or ByteRange(0, found.size)
        if (answer["ContentLength"], answer.get("ETag")) != (span.length, found.etag):
            body.close()
            raise _failure("other content than described")
        if span.length:
            # The client's time-out is for a first byte; a caller who reads slowly lets the store wait longer.
            body.set_socket_timeout(PAUSE_SECONDS)
        return ObjectStream(found, span, partial(_read, body), body.close)

    def write(self, key: str, content: bytes, *, fresh: bool, over: ObjectInfo | None = None) -> bool:
        """Store a small object (PutObject); what is there is judged by S3 (If-None-Match, If-Match)."""
        only: dict[str, Any] = {"IfNoneMatch": "*"} if fresh else {"IfMatch": over.etag} if over else {}
        put = self._call("put_object", TAKEN, Key=key, Body=content, ContentType="application/json", **only)
        return put is not None

    def delete(self, key: str) -> None:
        """Remove an object (DeleteObject); S3 says yes to one that is not there."""
        self._call("delete_object", Key=key)

    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return one page (ListObjectsV2)."""
        answer = self._call("list_objects_v2", frozenset(), Prefix=prefix, StartAfter=after, MaxKeys=limit)
        if answer is None or "IsTruncated" not in answer:
            raise _failure("no list")
        return [
            ObjectSummary(entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])
            for entry in answer.get("Contents", ())
        ], bool(answer["IsTruncated"])

    def _call(self, operation: str, expected: frozenset[str] = ABSENT, **parameters: Any) -> dict[str, Any] | None:
        """Return the answer, or None for an error code that is expected."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 costs 100 ms: only whoever asks S3 pays

        started, outcome = time.monotonic(), "ok"
        try:
            call = getattr(self._client(), operation)
            return cast("dict[str, Any]", call(Bucket=self._config.s3_bucket, **parameters))
        except ClientError as error:
            outcome = str(error.response.get("Error", {}).get("Code", ""))
            if outcome in expected:
                return None
            raise _failure(outcome) from error
        except (BotoCoreError, ValueError, OSError) as error:
            outcome = type(error).__name__
            raise _failure(outcome) from error
        finally:
            milliseconds = round((time.monotonic() - started) * 1000, 1)
            emit(
                logger,
                logging.INFO,
                "upstream",
                backend="s3",
                method=operation,
                status=outcome,
                duration_ms=milliseconds,
            )

    def _client(self) -> Any:
        with self._lock:
            pid = os.getpid()
            if pid not in self._clients:
                self._clients[pid] = _make_client(self._config)
            return self._clients[pid]


def _make_client(config: RecordingConfig) -> Any:
    """Return a client that looks for credentials only when none were set."""
    from botocore.config import Config  # noqa: PLC0415

    keys = {}
    if config.s3_access_key and config.s3_secret_key:
        keys["aws_access_key_id"] = config.s3_access_key.reveal()
        keys["aws_secret_access_key"] = config.s3_secret_key.reveal()
    settings = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=FIRST_BYTE_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        # Neither HTTP_PROXY nor AWS_ENDPOINT_URL of the environment sends recordings elsewhere.
        proxies={},
        ignore_configured_endpoint_urls=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if config.s3_force_path_style else "auto"},
    )
    return aws.session().client(
        "s3", region_name=config.s3_region, endpoint_url=config.s3_endpoint, config=settings, **keys
    )


def _read(body: Any, size: int) -> bytes:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        return cast("bytes", body.read(size))
    except (BotoCoreError, OSError, ValueError) as error:
        raise _failure(type(error).__name__) from error


def _found(answer: dict[str, Any]) -> ObjectInfo:
    """Read the description of an object; a captive portal's page has no ETag."""
    if not answer.get("ETag") or "LastModified" not in answer:
        raise _failure("no description of an object")
    return ObjectInfo(answer["ContentLength"], answer["ETag"], answer["LastModified"])


def _failure(reason: str) -> RecordingStorageUnavailable:
    emit(logger, logging.WARNING, "store_failed", backend="s3", fault=reason)
    return RecordingStorageUnavailable("the storage of recordings cannot be used right now", retry_after=5)
