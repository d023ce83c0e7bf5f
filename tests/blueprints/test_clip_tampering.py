"""GET /clip with URLs that this server did not mint: never a 5xx, never audio that the signature does not cover."""

import inspect
import json
import random
import re
import string
from typing import Any

import pytest
from flask.testing import FlaskClient

from sayna.audio.file_endings import ENDINGS
from sayna.speech import clip_urls
from tests.blueprints.clips import SECRETS, TENANTS, VOICE, packed, path_of, signed
from tests.blueprints.conftest import MakeClient

CASES = 2_500  # for each seed
FIELDS: dict[str, Any] = {"t": "Hello", **VOICE, "o": "tenant-a"}
VALUES: tuple[Any, ...] = (
    *(
        "",
        " ",
        "x",
        "\x00",
        "\ud800",
        "ünï",
        "../../etc",
        "a\r\nX-Inj: 1",
        "tenant-a",
        "tenant-b",
        "tlh",
        "\U0001d54f" * 20,
    ),
    *(0, -1, 1, 8000, 16000, 2**70, 10**400, 0.5, 1e308, -0.0, True, False, None, [], {}, [[]], {"a": 1}),
    *("espeak", "deepgram", "piper", "nobody", "ESPEAK", "gmw/de", "no/such-voice"),
)


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    return make_client(CLIP_SECRETS_JSON=SECRETS, LOG_LEVEL="ERROR", **TENANTS)


def test_change_of_any_part_is_404(client: FlaskClient) -> None:
    path = path_of(FIELDS)
    assert client.get(path).status_code == 200
    _, _, payload, name = path.split("/")
    signature, ext = name.split(".")
    other = path_of({**FIELDS, "t": "Other"}).split("/")[2]
    for changed in (
        f"/clip/{other}/{signature}.{ext}",
        f"/clip/{payload}/{signature}.mp3",
        f"/clip/{payload}/{signature}.exe",
        f"/clip/{payload}/{signature.upper()}.{ext}" if signature.upper() != signature else path + "x",
        f"/clip/{payload}/{signature[:-1]}.{ext}",
        f"/clip/{payload}/{signature}0.{ext}",
        f"/clip/{payload}=/{signature}.{ext}",
        f"/clip/{payload}/{'0' * 32}.{ext}",
        f"/clip/{payload}/{signature}",
        f"/clip/{payload}.{ext}",
        path + "/",
        *(f"/clip/{payload}/{signature[:at]}{_next(signature[at])}{signature[at + 1 :]}.{ext}" for at in range(32)),
    ):
        answer = client.get(changed)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8"), changed


def _next(digit: str) -> str:
    return "0123456789abcdef"[(int(digit, 16) + 1) % 16]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "null",
            "[]",
            '"t"',
            "{}",
            '{"t":""}',
            '{"t":1}',
            '{"t":"a","t":"b"}',
            '{"t":"a","z":1}',
            '{"p":"espeak"}',
        ),
        *('{"t":"a","x":1.5}', '{"t":"a","x":true}', '{"t":"a","x":"9"}', '{"t":"a","s":NaN}', '{"t":"a","s":1e999}'),
        *('{"t":"a","s":9}', '{"t":"a","r":11025}', '{"t":"a","r":8000.0}', '{"t":"\\u0000"}', '{"t":"\\ud800"}'),
        *(
            "[" * 5000,
            '{"t":"a"}x',
            "\ufeff{}",
            '{"t":"a","a":"reception"}',
            '{"t":"a","k":"ssml"}',
            '{"t":"a","o":""}',
        ),
        *('{"t":"a","p":"nobody"}', '{"t":"a","p":"deepgram"}', '{"t":"a","l":"en\\r\\nX"}', '{"t":"a","v":"no/such"}'),
    ],
)
def test_signed_nonsense_is_404(client: FlaskClient, text: str) -> None:
    assert client.get(signed(packed(text))).status_code == 404


def test_bytes_that_are_no_utf_8_are_404(client: FlaskClient) -> None:
    assert client.get(signed(packed(b"\xff\xfe{}"))).status_code == 404
    assert client.get(signed("a")).status_code == 404


def test_path_longer_than_any_that_is_minted_is_404(client: FlaskClient) -> None:
    assert client.get(path_of({"t": "x" * 1000, **VOICE})).status_code == 404


@pytest.mark.parametrize("seed", range(4))
def test_fuzz_gives_no_5xx_and_no_unsigned_audio(client: FlaskClient, seed: int) -> None:
    chance = random.Random(seed)
    honest = path_of(FIELDS)
    others = client.get(path_of({"t": "The secret of b", **VOICE, "o": "tenant-b"})).data
    assert client.get(honest).status_code == 200
    found: dict[int, int] = {}
    for _ in range(CASES):
        path, is_honest = _case(chance, honest)
        answer = client.get(path)
        found[answer.status_code] = found.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, path
        assert answer.status_code in (404, 405, 410) or is_honest, path
        assert answer.data != others
    assert found[404] > CASES / 2
    assert found[200] > CASES / 200


def _case(chance: random.Random, honest: str) -> tuple[str, bool]:
    """Return a path, and whether the key of its tenant has signed it."""
    kind = chance.randrange(4)
    if kind == 0:
        at = chance.randrange(6, len(honest))
        changed = honest[:at] + chance.choice(string.ascii_letters + "-_./%0") + honest[at + 1 :]
        return changed, changed == honest
    if kind == 1:
        raw = chance.randbytes(chance.randrange(1, 60))
        return signed(packed(raw), chance.choice([*ENDINGS, "exe"])), False
    fields = dict(FIELDS)
    for key in chance.sample("tpvmlsrakoxz", chance.randrange(1, 4)):
        fields[key] = chance.choice(VALUES)
    ext = chance.choice(["wav", "ulaw", "sln16"])
    # Half of them are signed with the key of tenant-b, whatever tenant they name.
    tenant = str(fields.get("o", "")) if kind == 2 else "tenant-b"
    text = json.dumps(fields)
    return signed(packed(text), ext, tenant), fields.get("o", "") == tenant


def test_signature_is_compared_in_constant_time() -> None:
    # The code is judged, because times on a shared machine prove nothing.
    source = inspect.getsource(clip_urls.ClipSigner._open)

    assert "hmac.compare_digest(_signature(key, payload, ending), signature)" in source
    assert not re.search(r"[!=]= signature|signature [!=]=|signature (not )?in ", source)
