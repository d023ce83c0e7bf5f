"""/recording: download, list, start and stop recordings."""

from itertools import chain
from urllib.parse import quote

from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import PathConverter

from sayna.blueprints.body import read_object
from sayna.blueprints.context import services
from sayna.blueprints.responses import json_response
from sayna.livekit.errors import LiveKitNotConfigured
from sayna.openapi import documented
from sayna.openapi.operations import recordings as reference
from sayna.recordings import (
    ByteRange,
    Library,
    ObjectInfo,
    ObjectStream,
    RangeDecision,
    Recorder,
    check,
    conditions,
)
from sayna.recordings.errors import RecordingStorageNotConfigured
from sayna.schemas.recording import dump_page, dump_session, load_list, load_start

blueprint = Blueprint("recording", __name__)

AUDIO = "audio/ogg"
# A sandbox, for whoever opens the file in a browser: nobody vouches for what was recorded.
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class StreamIdConverter(PathConverter):
    """The rest of the path, slashes and all, so that what is no stream_id is told so."""

    # werkzeug decodes %0a and %00 before it matches: they have to reach the check, too.
    regex = "(?s:.+)"
    part_isolating = False


@blueprint.record
def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["stream_id"] = StreamIdConverter


@blueprint.get("/recording")
@documented(reference.LIST)
def list_recordings() -> Response:
    """Answer with a page of the caller's recordings."""
    query = load_list(request.args)
    return json_response(dump_page(_library().page(g.caller, query.limit, query.cursor)))


@blueprint.post("/recording")
@documented(reference.START)
def start() -> Response:
    """Begin to record a room, once for each stream_id."""
    wanted = load_start(read_object(request))
    session = _recorder().start(g.caller, wanted.room_name, wanted.stream_id)
    return json_response(dump_session("recording", session), 201)


@blueprint.delete("/recording/<stream_id:stream_id>", merge_slashes=False)
@documented(reference.STOP)
def stop(stream_id: str) -> Response:
    """End a recording, whose audio can be downloaded once LiveKit has stored it."""
    check(stream_id)
    return json_response(dump_session("stopped", _recorder().stop(g.caller, stream_id)))


@blueprint.get("/recording/<stream_id:stream_id>", merge_slashes=False)
@documented(reference.DOWNLOAD)
def download(stream_id: str) -> Response:
    """Answer with the audio, with the bytes of it that were asked for, or with 304."""
    check(stream_id)
    library = _library()
    key = library.key_for(stream_id, g.caller)
    if location := services().config.recording.accel_prefix:
        response = _by_nginx(location, key, library)
    # Nothing to judge: one call of the store instead of two.
    elif request.method == "GET" and not any(name in request.headers for name in conditions.CONDITIONAL):
        response = _streamed(library.open(key), RangeDecision(200, None))
    else:
        found = library.find(key)
        verdict = conditions.evaluate(request.headers, found, ranges=request.method == "GET")
        response = _judged(library, key, found, verdict)
    response.headers.update(HEADERS)
    # The id passed the whitelist: a quote or a line break here would be a header of the caller's.
    response.headers["Content-Disposition"] = f'attachment; filename="{stream_id}.ogg"'
    return response


def _judged(library: Library, key: str, found: ObjectInfo, verdict: RangeDecision) -> Response:
    if verdict.span is None or request.method == "HEAD":
        return _described(Response(status=verdict.status, content_type=AUDIO), found, verdict.span)
    return _streamed(library.open(key, verdict.span, found), verdict)


def _streamed(opened: ObjectStream, verdict: RangeDecision) -> Response:
    """Wait for the first bytes: a store that breaks off before them can still be told as an error."""
    pieces = opened.pieces()
    first = next(pieces, b"")
    response = Response(chain((first,), pieces), verdict.status, content_type=AUDIO)
    response.call_on_close(opened.close)
    return _described(response, opened.found, opened.span)


def _described(response: Response, found: ObjectInfo, span: ByteRange | None) -> Response:
    response.headers["ETag"] = found.etag
    response.headers["Last-Modified"] = conditions.http_date(found.modified)
    if span is not None:
        # With a length a broken transfer shows, and gunicorn writes half as often as in chunks (measured).
        response.headers["Content-Length"] = str(span.length)
    if span is not None and response.status_code == 206:  # noqa: PLR2004
        response.headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{found.size}"
    return response


def _by_nginx(location: str, key: str, library: Library) -> Response:
    """Leave the bytes, ranges and conditions to nginx, once the recording is known to be there."""
    library.find(key)
    response = Response(content_type=AUDIO)
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{quote(key)}"
    return response


def _recorder() -> Recorder:
    if services().livekit is None:
        raise LiveKitNotConfigured("LiveKit is not configured; set LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    if (recorder := services().recorder) is None:
        raise RecordingStorageNotConfigured
    return recorder


def _library() -> Library:
    library = services().recordings
    if library is None:
        raise RecordingStorageNotConfigured
    return library
