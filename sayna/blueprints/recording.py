"""/recording: download, list, start and stop recordings."""

from urllib.parse import quote

from flask import Blueprint, Response, g, request

from sayna.blueprints.answers import json_answer
from sayna.blueprints.context import services
from sayna.errors import RecordingStorageNotConfigured
from sayna.recordings import Found, Library, Opened, Span, Verdict, check, conditions
from sayna.schemas.recording import dump_page, load_list

blueprint = Blueprint("recording", __name__)

AUDIO = "audio/ogg"
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@blueprint.get("/recording")
def list_recordings() -> Response:
    """Answer with a page of the caller's recordings."""
    query = load_list(request.args)
    return json_answer(dump_page(_library().page(g.caller, query.limit, query.cursor)))


@blueprint.get("/recording/<path:stream_id>", merge_slashes=False)
def download(stream_id: str) -> Response:
    """Answer with the audio, with the bytes of it that were asked for, or with 304."""
    check(stream_id)
    library = _library()
    key = library.key_for(stream_id, g.caller)
    if location := services().config.recording.accel_prefix:
        response = _by_nginx(location, key, library)
    elif request.method == "GET" and not any(name in request.headers for name in conditions.CONDITIONAL):
        response = _streamed(library.open(key), Verdict(200, None))
    else:
        found = library.find(key)
        verdict = conditions.judge(request.headers, found, ranges=request.method == "GET")
        response = _judged(library, key, found, verdict)
    response.headers.update(HEADERS)
    response.headers["Content-Disposition"] = f'attachment; filename="{stream_id}.ogg"'
    return response


def _judged(library: Library, key: str, found: Found, verdict: Verdict) -> Response:
    if verdict.span is None or request.method == "HEAD":
        return _described(Response(status=verdict.status, content_type=AUDIO), found, verdict.span)
    return _streamed(library.open(key, verdict.span, found), verdict)


def _streamed(opened: Opened, verdict: Verdict) -> Response:
    response = Response(opened.pieces(), verdict.status, content_type=AUDIO, direct_passthrough=True)
    response.call_on_close(opened.close)
    return _described(response, opened.found, opened.span)


def _described(response: Response, found: Found, span: Span | None) -> Response:
    response.headers["ETag"] = found.etag
    response.headers["Last-Modified"] = conditions.http_date(found.modified)
    if span is not None:
        response.headers["Content-Length"] = str(span.length)
    if span is not None and response.status_code == 206:  # noqa: PLR2004
        response.headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{found.size}"
    return response


def _by_nginx(location: str, key: str, library: Library) -> Response:
    """Leave the bytes, their ranges and their conditions to nginx, once the recording is known to be there."""
    library.find(key)
    response = Response(content_type=AUDIO)
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{quote(key)}"
    return response


def _library() -> Library:
    library = services().recordings
    if library is None:
        raise RecordingStorageNotConfigured
    return library
