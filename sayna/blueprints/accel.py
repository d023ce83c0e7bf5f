"""Responses without a body, for which nginx sends a recording: a file, or an object of a store.

deploy/nginx.conf has the location for files, deploy/nginx-recordings.conf the one for stores. nginx passes none of
these headers on to the client.
"""

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from flask import Response

from sayna import http
from sayna.recordings.library import Download
from sayna.storage import ByteRange, ObjectLink, StorageUnavailable

LOOKUP_SECONDS = 4.0
PORTS = {"http": 80, "https": 443}


def accel_response(download: Download, location: str) -> Response:
    """Return the response by which nginx finds the recording; raises StorageUnavailable."""
    response = Response()
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{quote(download.accel_key)}"
    if download.link is not None:
        span = download.span if download.status == HTTPStatus.PARTIAL_CONTENT else None
        response.headers.update(_store_headers(download.link, span))
        response.headers["ETag"] = download.info.etag
        response.last_modified = download.info.modified
    return response


def _store_headers(link: ObjectLink, span: ByteRange | None) -> dict[str, str]:
    """Return what nginx sends to the store, and where: to an address, because nginx reads no /etc/resolv.conf."""
    parts = urlsplit(link.url.reveal())
    name, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        found = http.resolve(name, port, http.Deadline.after(LOOKUP_SECONDS))
    except OSError as error:
        raise StorageUnavailable("the storage of recordings cannot be used right now", retry_after=5) from error
    # nginx tries this address only, and a name with both kinds may have no working IPv6.
    address = min((each[-1][0] for each in found), key=lambda each: ":" in each)
    host = f"[{address}]" if ":" in address else address
    return {
        "X-Store-URL": parts._replace(netloc=f"{host}:{port}").geturl(),
        "X-Store-Host": parts.netloc,
        "X-Store-Name": name,
        "X-Store-If-Match": link.if_match,
        "X-Store-Range": f"bytes={span.start}-{span.start + span.length - 1}" if span else "",
    }
