"""Objects in S3 or a server like it (MinIO, R2, Ceph, versitygw), through boto3.

API: https://docs.aws.amazon.com/AmazonS3/latest/API/ . Quirks: the response to HEAD carries no error code, so a
404 may mean the object or the whole bucket; a GET tells which. Checksums that are not required are left out,
because many compatible servers refuse them. Ceph and NetApp send ETags that are weak or without quotes.
"""

import contextlib
import hashlib
import logging
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from sayna import http
from sayna.cloud import aws
from sayna.config import OutboundProxy, RecordingConfig, Secret
from sayna.log import emit
from sayna.storage import LINK_SECONDS, ByteRange, ObjectInfo, ObjectLink, ObjectStream, ObjectSummary, Store, failure

CONNECT_SECONDS = 2
FIRST_BYTE_SECONDS = 4
PAUSE_SECONDS = 15
# As many as a worker has threads. botocore's default is 10, and it closes each connection above that number.
CONNECTIONS = 64
# HEAD has no body, so botocore takes the status as the code.
ABSENT = frozenset({"NoSuchKey", "404"})
# ConditionalRequestConflict: another conditional write of the same key was in progress (409).
# NoSuchKey: If-Match named an object that is deleted.
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})

# botocore.utils.validate_region_name
BOTO_REGION = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{1,63}(?<!-)")
AWS = "https://s3.amazonaws.com"
DEFAULT_REGION = "us-east-1"
# RFC 9110, 8.8.3, without the characters beyond ASCII.
OPAQUE = re.compile(r"[\x21\x23-\x7e]+")

logger = logging.getLogger("sayna.upstream")
_failure = partial(failure, "s3")


class S3Store(Store):
    """One bucket. The first use makes the client, not the start, because connections do not survive gunicorn's fork."""

    def __init__(self, config: RecordingConfig, attempts: int, seconds: float | None) -> None:
        self._config = config
        self._attempts = attempts
        self._seconds = seconds or FIRST_BYTE_SECONDS
        self._made: Any = None
        self._lock = threading.Lock()

    def find(self, key: str) -> ObjectInfo | None:
        """Return the description of an object (HeadObject)."""
        response = self._call("head_object", Key=key)
        if response is None:
            # GetObject raises when the bucket is missing: its body has the code.
            if stream := self.open(key):
                stream.close()
            return None
        return _info(response)

    def open(self, key: str, span: ByteRange | None = None, info: ObjectInfo | None = None) -> ObjectStream | None:
        """Return an object whose body is still on the wire (GetObject)."""
        part: dict[str, Any] = {}
        if span and info and span.length < info.size:
            part["Range"] = f"bytes={span.start}-{span.start + span.length - 1}"
        # Without If-Match: a store with weak ETags would refuse it. The ETag of the response is compared below.
        response = self._call("get_object", Key=key, **part)
        if response is None:
            return None
        body = response["Body"]
        info = info or _info(response)
        span = span or ByteRange(0, info.size)
        if (response["ContentLength"], quoted_etag(response.get("ETag"))) != (span.length, info.etag):
            body.close()
            raise _failure("other content than described")
        if span.length:
            # The client's timeout is for the first byte. A slow caller makes the store wait longer later.
            body.set_socket_timeout(PAUSE_SECONDS)
        return ObjectStream(info, span, partial(_read, body), body.close)

    def link(self, key: str, info: ObjectInfo) -> ObjectLink | None:
        """Return a presigned URL of GetObject, or None with OUTBOUND_PROXY, which nginx does not use."""
        if not info.linkable or _proxy(self._config):
            return None
        place = {"Bucket": self._config.s3_bucket, "Key": key}
        with _translated():
            url = self._client().generate_presigned_url("get_object", place, LINK_SECONDS)
        return ObjectLink(Secret(url), info.etag)

    def write(self, key: str, content: bytes, *, if_absent: bool = False, replacing: ObjectInfo | None = None) -> bool:
        """Store a small object (PutObject); S3 checks the condition (If-None-Match, If-Match)."""
        condition: dict[str, Any] = {"IfMatch": replacing.etag} if replacing else {}
        if if_absent:
            condition = {"IfNoneMatch": "*"}
        response = self._call("put_object", REFUSED, Key=key, Body=content, ContentType="application/json", **condition)
        return response is not None

    def delete(self, key: str) -> None:
        """Remove an object (DeleteObject); S3 answers 204 to an absent object too."""
        self._call("delete_object", Key=key)

    def list(self, prefix: str, after: str, limit: int) -> tuple[list[ObjectSummary], bool]:
        """Return one page (ListObjectsV2)."""
        response = self._call("list_objects_v2", frozenset(), Prefix=prefix, StartAfter=after, MaxKeys=limit)
        if response is None or "IsTruncated" not in response:
            raise _failure("no list")
        return [
            ObjectSummary(entry["Key"], entry["Size"], _version(entry), entry["LastModified"])
            for entry in response.get("Contents", ())
            # RustFS lists the key itself again (github.com/rustfs/rustfs/issues/1165).
            if entry["Key"] > after
        ], bool(response["IsTruncated"])

    def _call(self, operation: str, expected: frozenset[str] = ABSENT, **parameters: Any) -> dict[str, Any] | None:
        """Return the response, or None for an error code that is expected."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 costs 100 ms: import it with the first call

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
            taken = {"status": outcome, "duration_ms": round((time.monotonic() - started) * 1000, 1)}
            emit(logger, logging.INFO, "upstream", backend="s3", method=operation, **taken)

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _make_client(self._config, self._attempts, self._seconds)
            return self._made


def _make_client(config: RecordingConfig, attempts: int, seconds: float) -> Any:
    """Return a client; boto3 looks for credentials only when the settings have none."""
    from botocore.config import Config  # noqa: PLC0415

    keys: dict[str, str | None] = {}
    if config.s3_access_key and config.s3_secret_key:
        keys["aws_access_key_id"] = config.s3_access_key.reveal()
        keys["aws_secret_access_key"] = config.s3_secret_key.reveal()
        keys["aws_session_token"] = config.s3_session_token.reveal() if config.s3_session_token else None
    proxy = _proxy(config)
    settings = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
        # Ignore HTTP_PROXY and AWS_ENDPOINT_URL: the environment must not send recordings elsewhere.
        proxies={"http": proxy.url, "https": proxy.url} if proxy else {},
        ignore_configured_endpoint_urls=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if config.s3_force_path_style else "auto"},
    )
    # botocore refuses a region such as my_zone or 1; the signature alone needs the store's own name for it.
    region = config.s3_region if BOTO_REGION.fullmatch(config.s3_region) else DEFAULT_REGION
    client = aws.session().client("s3", region_name=region, endpoint_url=config.s3_endpoint, config=settings, **keys)
    client.meta.events.register("provide-client-params.s3.GetObject", _stay_in_region)
    if region != config.s3_region:
        client.meta.events.register("before-sign.s3", partial(_sign_for, config.s3_region))
    return client


def _proxy(config: RecordingConfig) -> OutboundProxy | None:
    return http.proxy_for(urlsplit(config.s3_endpoint or AWS).hostname or "")


def _sign_for(region: str, request: Any, **_: Any) -> None:
    request.context.setdefault("signing", {})["region"] = region


def _stay_in_region(context: dict[str, Any], **_: Any) -> None:
    # botocore signs URLs for s3.amazonaws.com, which redirects for a new bucket of another region:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
    context["use_global_endpoint"] = False


def _read(body: Any, size: int) -> bytes:
    with _translated():
        return cast("bytes", body.read(size))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, OSError, ValueError) as error:
        raise _failure(type(error).__name__) from error


def quoted_etag(etag: str | None) -> str:
    """Return a strong, quoted ETag for any spelling of one, or an empty text for none."""
    opaque = (etag or "").strip().removeprefix("W/").removeprefix("w/").strip('"')
    if not opaque:
        return ""
    # A blank or another character that no header may carry: a digest changes with it as well.
    return f'"{opaque if OPAQUE.fullmatch(opaque) else hashlib.sha256(opaque.encode()).hexdigest()}"'


def _info(response: dict[str, Any]) -> ObjectInfo:
    """Return the description of an object; the page of a captive portal has no ETag."""
    etag = quoted_etag(response.get("ETag"))
    if not etag or "LastModified" not in response:
        raise _failure("no description of an object")
    # If-Match needs the store's own ETag, and S3 sends metadata of the object in headers of any name.
    linkable = response["ETag"] == etag and not response.get("Metadata")
    return ObjectInfo(response["ContentLength"], etag, response["LastModified"], linkable)


def _version(entry: dict[str, Any]) -> str:
    """Return what changes with the content; some stores list no ETag."""
    return f"{quoted_etag(entry.get('ETag'))} {entry['LastModified'].isoformat()} {entry['Size']}"
