"""A voice that is replaced under its name is heard as it is now, not as it was cached."""

import os
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from sayna.providers.piper import Piper
from tests.blueprints.conftest import MakeClient, make_client  # noqa: F401 - a fixture
from tests.providers.piper.voices import install
from tests.wire.asking import request

VOICE = "en_US-tiny-low"


def said(client: FlaskClient, **query: str) -> tuple[str, int, str]:
    """Return how the cache was passed, the clip's length in ms, and its ETag."""
    answer: Any = client.post("/speak", json={"text": "aaaa", "provider": "piper", **query})
    assert answer.status_code == 200, answer.data
    return answer.headers["x-cache"], answer.get_json()["metadata"]["duration_ms"], answer.headers["ETag"]


def test_a_replaced_voice_is_rendered_anew_and_cached_again(make_client: MakeClient, folder: Path) -> None:  # noqa: F811
    client = make_client(PIPER_VOICES_PATH=str(folder))
    _, before, etag = said(client, voice_id=VOICE)
    assert said(client, voice_id=VOICE) == ("HIT", before, etag)
    install(folder, inference={"length_scale": 2.0})
    outcome, after, new_etag = said(client, voice_id=VOICE)
    assert (outcome, after, new_etag != etag) == ("MISS", 2 * before, True)
    assert said(client, voice_id=VOICE) == ("HIT", after, new_etag)


def test_a_voice_that_comes_later_is_found_by_the_same_request(make_client: MakeClient, folder: Path) -> None:  # noqa: F811
    client = make_client(PIPER_VOICES_PATH=str(folder))
    _, before, _ = said(client)
    body = {"text": "aaaa", "provider": "piper", "voice_id": "de_DE-tiny-low"}
    assert client.post("/speak", json=body).status_code == 400
    install(folder, "de_DE-tiny-low", inference={"length_scale": 2.0})
    assert client.post("/speak", json=body).get_json()["metadata"]["language"] == "de-DE"
    assert said(client)[1] == 2 * before


def test_a_model_that_is_replaced_by_an_older_one_is_loaded_anew(folder: Path, piper: Piper) -> None:
    model = folder / f"{VOICE}.onnx"
    before = piper.version_of(VOICE)
    model.write_bytes(model.read_bytes())
    os.utime(model, ns=(0, 0))
    assert piper.version_of(VOICE) != before
    assert b"".join(piper.synthesize(request(piper, text="aaaa")).chunks)
