"""Large complete bodies wait in files: the bytes and headers are those of any other body."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from sayna.blueprints.large_body import LARGE_BYTES, PIECE_BYTES, SpooledBody
from sayna.services import Services
from tests.blueprints.clips import SECRETS, minted
from tests.blueprints.conftest import MakeClient
from tests.blueprints.test_speak import speak

BODY = {"text": "A long story", "audio_format": "linear16", "sample_rate": 22050}


def enlarged(services: Services) -> bytes:
    """Make the one clip of the cache large, and return its audio."""
    (key,) = services.cache.keys()
    clip = services.cache.get(key)
    assert clip is not None
    long = clip.audio * (LARGE_BYTES // len(clip.audio) + 2)
    assert services.cache.put(key, replace(clip, audio=long))
    return long


@pytest.mark.parametrize("path", ["cache", ""])
def test_large_hit_is_whole_in_every_answer(make_client: MakeClient, tmp_path: Path, path: str) -> None:
    client = make_client(CACHE_PATH=str(tmp_path / path) if path else "")
    speak(client, BODY, Accept="audio/*")
    long = enlarged(client.application.extensions["sayna"])

    answer = speak(client, BODY, Accept="audio/*")
    assert (answer.headers["x-cache"], answer.content_length) == ("HIT", len(long))
    assert answer.data == long
    wav = speak(client, {**BODY, "audio_format": "wav"}, Accept="audio/*")
    assert (wav.content_length, wav.data[44:]) == (len(long) + 44, long)
    envelope = speak(client, BODY)
    assert envelope.content_length == len(envelope.data)
    assert base64.b64decode(envelope.get_json()["audio"]) == long


def test_large_hit_is_answered_when_the_disk_is_full(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = make_client()
    speak(client, BODY, Accept="audio/*")
    long = enlarged(client.application.extensions["sayna"])

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert speak(client, BODY, Accept="audio/*").data == long


def test_spooled_body_leaves_no_file_behind(tmp_path: Path) -> None:
    parts = [b"head", bytes(PIECE_BYTES), b"tail"]
    body = SpooledBody(parts, tmp_path)
    assert not list(tmp_path.iterdir())
    pieces = list(body)
    assert (b"".join(pieces), len(pieces)) == (b"".join(parts), len(body))
    body.close()
    body.close()


def test_large_clip_keeps_its_head_ranges_and_validators(make_client: MakeClient) -> None:
    client = make_client(CLIP_SECRETS_JSON=SECRETS, PUBLIC_URL="https://speech.example.com/tts/")
    path = minted(client, {"text": "A long welcome", "sample_rate": 22050})["path"]
    enlarged(client.application.extensions["sayna"])
    with client.get(path) as whole:
        data, tag = whole.data, whole.headers["ETag"]
        assert len(data) == whole.content_length > LARGE_BYTES
    with client.head(path) as head:
        assert (head.content_length, head.data, head.headers["ETag"]) == (len(data), b"", tag)
    with client.get(path, headers={"Range": "bytes=10-"}) as part:
        assert (part.status_code, part.content_length, part.data) == (206, len(data) - 10, data[10:])
    with client.get(path, headers={"If-None-Match": tag}) as known:
        assert known.status_code == 304
