"""A server with voices of its own: Deepgram's fake first, the embedded engine after it."""

import json
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.blueprints.conftest import MakeClient
from tests.wire.deepgram import DeepgramFake

SPARE: dict[str, Any] = {"provider": "espeak", "voice_id": "gmw/en-US"}
CHAIN: list[dict[str, Any]] = [{"provider": "deepgram", "voice_id": "aura-2-thalia-en"}, SPARE]
VOICES = {"reception": CHAIN, "plain": [SPARE]}
FORMS: dict[str, dict[str, str]] = {
    "envelope": {"Accept": "application/json"},
    "stream": {"Accept": "audio/L16"},
}


def write_voices(folder: Path, voices: object, name: str = "voices.json") -> Path:
    """Write the file as an editor does: beside the old one, then in its place."""
    fresh = folder / f"{name}.new"
    fresh.write_text(voices if isinstance(voices, str) else json.dumps(voices), "utf-8")
    return fresh.replace(folder / name)


def own_client(
    make_client: MakeClient, folder: Path, fake: DeepgramFake, voices: object = VOICES, **settings: str
) -> FlaskClient:
    """Return a client of a server with these voices."""
    return make_client(
        DEEPGRAM_API_KEY="good",
        DEEPGRAM_BASE_URL=fake.url,
        VOICES_PATH=str(write_voices(folder, voices)),
        **settings,
    )


def say(client: FlaskClient, text: str = "Hello there", form: str = "stream", **fields: Any) -> TestResponse:
    """Return the answer of a request for the voice reception, in samples."""
    cache_control = fields.pop("cache_control", "")
    headers = {**FORMS[form], **({"Cache-Control": cache_control} if cache_control else {})}
    body = {"text": text, "voice": "reception", "audio_format": "linear16", **fields}
    return client.post("/speak", json=body, headers=headers, buffered=True)


def spoke(answer: TestResponse) -> tuple[int, str | None, str | None]:
    """Return the status, who spoke, and who did not."""
    return answer.status_code, answer.headers.get("x-provider"), answer.headers.get("x-fallback")
