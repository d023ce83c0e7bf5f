"""POST /speak."""

from sayna import errors
from sayna.openapi import BYTES, Operation, ResponseDoc
from sayna.schemas.speak import FLAT, NESTED, SpeechEnvelopeSchema
from sayna.speech.markup import UnsupportedMarkup

DESCRIPTION = """\
Text in, speech out, in one of two forms of request with the same fields: **flat**, and **nested** in
`tts_config` as the SDKs send it.

**The form of the answer** follows the weights of `Accept`: `application/json` asks for the envelope, an `audio/*`
type or `application/octet-stream` for bytes. Without either, flat gets the envelope and nested gets bytes.
`audio_format` names the format of the audio; without it, an audio type in `Accept` does: `audio/mpeg` gets MP3.
A type that this server does not make is skipped, and `q=0` excludes a type.
Bytes are streamed while they are made; a failure then breaks the connection, so an answer that ends well is
whole.

**The cache**: cached audio is sent at once, and identical requests at the same time cost one call of the
vendor. `Cache-Control: no-cache` renders anew, `no-store` stores nothing, and `only-if-cached` gets 504 when
the audio is not cached.
"""
HEADERS = {
    "x-provider": "The vendor of the audio.",
    "x-voice-id": "The voice; blanks and characters outside ASCII are percent-encoded.",
    "x-audio-format": "The format of the bytes.",
    "x-sample-rate": "Hz.",
    "x-channels": "1 is mono.",
    "x-cache": "HIT, MISS, COALESCED (shared with a request at the same time) or BYPASS.",
    "x-quota-remaining": "Characters of vendors that the tenant has left in this month, where it has a cap.",
    "ETag": "The cache key and the take: the same key rendered anew is another take.",
    "x-fallback": "Providers that were asked first and could not speak this; absent when the first one spoke.",
    "Age": "Seconds in the cache; on a HIT.",
    "Cache-Control": "How long clients may keep the audio.",
    "Server-Timing": "Milliseconds until the response began.",
    "X-Accel-Buffering": "no, where bytes are streamed: nginx passes them on at once.",
}
MEDIA_TYPES = (
    "audio/wav",
    "audio/mpeg",
    "audio/ogg",
    "audio/flac",
    "audio/pcm",
    "audio/basic",
    "audio/x-alaw-basic",
)
ENVELOPE = {
    "metadata": {
        "provider": "espeak",
        "voice_id": "en-us",
        "model": "",
        "language": "en-US",
        "audio_format": "wav",
        "content_type": "audio/wav",
        "sample_rate": 24000,
        "channels": 1,
        "duration_ms": 1240,
        "size_bytes": 59564,
        "characters": 16,
        "speaking_rate": 1.0,
        "cached": False,
        "cache_key": "0" * 64,
    },
    "audio": "UklGRg==",
}
SPEAK = Operation(
    tag="Speech",
    summary="Speak",
    description=DESCRIPTION,
    request=(FLAT, NESTED),
    examples={
        "flat": {"text": "Welcome to Sayna"},
        "nested": {
            "text": "Welcome to Sayna",
            "tts_config": {"provider": "espeak", "audio_format": "mp3", "speaking_rate": 1.1},
        },
        "voice": {"text": "Welcome to Sayna", "voice": "espeak/gmw/en-US"},
        "telephone": {"text": "Please hold the line.", "audio_format": "mulaw", "sample_rate": 8000},
        "pronunciations": {
            "text": "Ask for SQL.",
            "pronunciations": [{"word": "SQL", "pronunciation": "sequel"}],
        },
    },
    parameters=(
        {
            "in": "header",
            "name": "Cache-Control",
            "description": "`no-cache`, `no-store` or `only-if-cached`; anything else is ignored.",
            "schema": {"type": "string"},
        },
    ),
    responses={
        200: ResponseDoc(
            "The speech, whole or streamed.",
            {
                "application/json": SpeechEnvelopeSchema,
                **dict.fromkeys(MEDIA_TYPES, BYTES),
            },
            HEADERS,
            ENVELOPE,
        )
    },
    errors=(
        errors.EmptyText,
        errors.TextTooLong,
        errors.UnknownProvider,
        errors.UnknownVoice,
        errors.ProviderNotAllowed,
        UnsupportedMarkup,
        errors.UnsupportedFormat,
        errors.InvalidProviderAuth,
        errors.ProviderRejectedRequest,
        errors.ProviderRejectedCredentials,
        errors.ProviderNotConfigured,
        errors.ProviderError,
        errors.ProviderTimeout,
        errors.ProviderRateLimited,
        errors.QuotaExceeded,
        errors.Overloaded,
        errors.NotCached,
    ),
)
