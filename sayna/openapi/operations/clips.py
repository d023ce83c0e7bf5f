"""POST /clips, GET /clip and GET /say."""

from typing import Any

from sayna import errors
from sayna.audio.file_endings import ENDINGS
from sayna.openapi import BYTES, Operation, ResponseDoc
from sayna.recordings.errors import PreconditionFailed, RangeNotSatisfiable
from sayna.schemas.clips import CLIP, MintedClipSchema
from sayna.schemas.clips import SAY as SAY_QUERY
from sayna.speech import clip_errors
from sayna.speech.clip_errors import status_of
from sayna.speech.markup import UnsupportedMarkup

TAG = "Speech"
SPEAK_ERRORS = (
    errors.EmptyText,
    errors.TextTooLong,
    errors.UnknownProvider,
    UnsupportedMarkup,
    errors.UnsupportedFormat,
    errors.UnknownVoice,
    errors.ProviderRejectedRequest,
    errors.ProviderRejectedCredentials,
    errors.ProviderNotConfigured,
    errors.ProviderError,
    errors.ProviderTimeout,
    errors.ProviderRateLimited,
    errors.QuotaExceeded,
    errors.Overloaded,
)
HEADERS = {
    "Accept-Ranges": "bytes",
    "ETag": "Changes with the audio.",
    "Last-Modified": "When it was rendered.",
    "x-fallback": "Providers that were asked first and could not speak this; absent when the first one spoke.",
    "Cache-Control": "How long players may keep it: never longer than the URL is valid.",
}
EXT = {
    "in": "path",
    "name": "ext",
    "required": True,
    "description": "The ending of the URL: the audio format.",
    "schema": {"type": "string", "enum": list(ENDINGS)},
}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}


CONDITIONS = (
    _header("Range", "One range of bytes, such as `bytes=0-1023`."),
    _header("If-Range", "An ETag or a date: the response is the whole audio when it has changed."),
    _header("If-None-Match", "An ETag: 304 for the same speech, without a call of the vendor."),
    _header("If-Modified-Since", "A date: 304 when the audio is not newer."),
    _header("If-Match", "An ETag: 412 when the audio is no longer the same."),
    _header("If-Unmodified-Since", "A date: 412 when the audio is newer."),
    _header("Origin", "On `/say` only: a page of another site is refused."),
    _header("Sec-Fetch-Site", "On `/say` only: `cross-site` is refused."),
)
_TYPES = dict.fromkeys(dict.fromkeys(ending.content_type.partition(";")[0] for ending in ENDINGS.values()), BYTES)
_AUDIO = {
    200: ResponseDoc("The audio.", _TYPES, HEADERS),
    206: ResponseDoc("The range.", _TYPES, {**HEADERS, "Content-Range": "Which bytes."}),
    304: ResponseDoc("The client has this audio already.", headers=HEADERS),
}

MINT = Operation(
    tag=TAG,
    summary="Mint a clip URL",
    description="A signed URL of speech, which any telephone system, browser or script can play without a token. "
    "The same request gives the same URL for a while, so that caches find it.",
    request=(CLIP,),
    examples={
        "prompt": {"text": "Please hold the line."},
        "mp3": {"text": "Guten Tag", "language": "de", "ext": "mp3", "expires_in": 0, "render": False},
    },
    responses={
        201: ResponseDoc(
            "The URL.",
            {"application/json": MintedClipSchema},
            example={
                "url": "https://speech.example.com/clip/eyJ0IjoiSGkifQ/0123456789abcdef0123456789abcdef.wav",
                "path": "/clip/eyJ0IjoiSGkifQ/0123456789abcdef0123456789abcdef.wav",
                "expires_at": "2026-12-01T12:00:00Z",
                "content_type": "audio/wav",
                "audio_format": "wav",
                "sample_rate": 8000,
                "size_bytes": 24044,
                "duration_ms": 1500,
            },
        )
    },
    errors=(*SPEAK_ERRORS, clip_errors.ClipTooLong, clip_errors.ClipsNotConfigured),
)
PLAY = Operation(
    tag=TAG,
    summary="Play a clip",
    description="The audio of a URL from `POST /clips`. Public: the signature is the key. Errors are plain text.",
    parameters=(
        {
            "in": "path",
            "name": "payload",
            "required": True,
            "description": "What is said, in base64url.",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        },
        {
            "in": "path",
            "name": "signature",
            "required": True,
            "description": "HMAC-SHA256 of payload and ending: the first 32 hex digits.",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
        EXT,
        *CONDITIONS[:-2],
    ),
    responses=_AUDIO,
    errors=(
        *SPEAK_ERRORS,
        clip_errors.ClipNotFound,
        clip_errors.ClipExpired,
        PreconditionFailed,
        RangeNotSatisfiable,
    ),
    text_status=lambda error: status_of(error, error.status, is_signed=True),
)
SAY = Operation(
    tag=TAG,
    summary="Say a text",
    description="Speech by one GET, answered as a clip. Off unless `SAY_ENABLED=true`. Errors are plain text.",
    query=SAY_QUERY,
    parameters=(EXT, *CONDITIONS),
    responses=_AUDIO,
    errors=(
        *SPEAK_ERRORS,
        errors.InvalidRequest,
        clip_errors.CrossSiteRequest,
        clip_errors.OpenVendorsDisabled,
        clip_errors.ClipNotFound,
        PreconditionFailed,
        RangeNotSatisfiable,
    ),
    text_status=lambda error: status_of(error, error.status, is_signed=False),
)
