"""/recording: download, list, start, stop and remove recordings."""

from http import HTTPStatus
from itertools import chain
from typing import TypeVar

from flask import Blueprint, Response, g, request

from sayna.blueprints.accel import accel_response
from sayna.blueprints.body import read_object
from sayna.blueprints.context import configured, services
from sayna.blueprints.responses import json_response
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.recordings.errors import RecordingStorageNotConfigured
from sayna.recordings.library import Download, check_stream_id
from sayna.recordings.recorder import Recorder
from sayna.schemas.recording import LIST, REMOVE, START, dump_page, dump_session

T = TypeVar("T")
blueprint = Blueprint("recording", __name__)

AUDIO = "audio/ogg"
# A sandbox, because a browser may open the file, and the recorded content is not trusted.
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@blueprint.get("/recording")
def list_recordings() -> Response:
    """Answer with a page of the caller's recordings."""
    query = LIST.parse(dict(request.args))
    page = _recorder().egresses.page if query["status"] else _stored(services().recordings).page
    return json_response(dump_page(page(g.caller, query["limit"], query["cursor"])))


@blueprint.post("/recording")
def start() -> Response:
    """Start to record a room, once for each stream_id."""
    wanted = START.parse(read_object(request, START))
    session = _recorder().start(g.caller, wanted["room_name"], wanted.get("stream_id"))
    return json_response(dump_session("recording", session), 201)


@blueprint.delete("/recording/<stream_id:stream_id>", merge_slashes=False)
def stop(stream_id: str) -> Response:
    """End a recording, whose audio can be downloaded once LiveKit has stored it, or remove one that is over."""
    check_stream_id(stream_id)
    if "purge" in REMOVE.parse(dict(request.args)):
        _stored(services().remover).purge(g.caller, stream_id)
        return json_response({"status": "purged", "stream_id": stream_id})
    return json_response(dump_session("stopped", _recorder().stop(g.caller, stream_id)))


@blueprint.get("/recording/<stream_id:stream_id>", merge_slashes=False)
def download(stream_id: str) -> Response:
    """Answer with the audio, with the requested bytes of it, or with 304."""
    check_stream_id(stream_id)
    location = services().config.recording.accel_prefix
    # Without nginx in between, the response would have no audio, and the client would see the link.
    by_nginx = location is not None and services().proxies.is_trusted(request.remote_addr or "")
    is_head = request.method == "HEAD"
    library = _stored(services().recordings)
    found = library.open(stream_id, g.caller, request.headers, is_head=is_head, by_nginx=by_nginx)
    response = accel_response(found, location or "") if found.accel_key else _response(found)
    response.content_type = AUDIO
    response.headers.update(HEADERS)
    # nginx gives it back with audio only, because an error of the store must not be saved as a recording.
    disposition = "X-Store-Disposition" if found.link else "Content-Disposition"
    # Safe in a header: check_stream_id allows neither quotes nor line breaks.
    response.headers[disposition] = f'attachment; filename="{stream_id}.ogg"'
    return response


def _response(download: Download) -> Response:
    response = Response(status=download.status)
    if download.stream is not None:
        chunks = download.stream.chunks()
        # Wait for the first bytes: a store that fails before them can still be answered with an error.
        response.response = chain((next(chunks, b""),), chunks)
        response.call_on_close(download.stream.close)
    info, span = download.info, download.span
    response.headers["ETag"] = info.etag
    response.last_modified = info.modified
    if span is not None:
        # With a length the client sees a broken transfer, and gunicorn writes half as often as in chunks (measured).
        response.headers["Content-Length"] = str(span.length)
    if span is not None and download.status == HTTPStatus.PARTIAL_CONTENT:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{info.size}"
    return response


def _recorder() -> Recorder:
    configured(services().livekit, LiveKitNotConfigured)
    return _stored(services().recorder)


def _stored(part: T | None) -> T:
    return configured(part, RecordingStorageNotConfigured)
