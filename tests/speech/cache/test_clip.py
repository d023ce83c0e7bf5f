"""A blob is its clip or nothing, and a key is all that changes the sound."""

import base64
import hashlib
import itertools
import random

import pytest

from sayna.speech.cache import cache_key
from sayna.speech.cache.clip import _HEAD, _MAGIC, _digest, decode, encode
from tests.speech.cache.clips import KEY, OTHER, make_clip

FIELDS = {
    "provider": "espeak",
    "base_url": "",
    "voice_id": "en",
    "model": "",
    "language": "en-US",
    "text": "a|b",
    "speaking_rate": 1.0,
    "settings": {"pitch": 50},
    "format": "wav",
    "sample_rate": 24000,
}


def test_a_blob_gives_back_its_clip() -> None:
    clip = make_clip()
    assert decode(KEY, encode(KEY, clip)) == clip


def test_a_blob_is_worth_nothing_under_another_key() -> None:
    assert decode(OTHER, encode(KEY, make_clip())) is None


def test_no_flipped_bit_goes_unnoticed() -> None:
    blob = encode(KEY, make_clip(300))
    for position in range(len(blob)):
        flipped = bytearray(blob)
        flipped[position] ^= 1 << random.randrange(8)
        assert decode(KEY, bytes(flipped)) is None, position


def test_no_truncation_goes_unnoticed() -> None:
    blob = encode(KEY, make_clip(300))
    assert all(decode(KEY, blob[:length]) is None for length in range(len(blob)))
    assert decode(KEY, blob + b"\0") is None


@pytest.mark.parametrize("info", [b"{}", b"[]", b"junk", b'{"unknown": 1}'])
def test_a_well_sealed_blob_of_another_shape_is_nothing(info: bytes) -> None:
    blob = _HEAD.pack(_MAGIC, len(info), 1, _digest(KEY, info, b"a")) + info + b"a"
    assert decode(KEY, blob) is None


def test_base64_is_encoded_once() -> None:
    clip = make_clip()
    assert clip.base64 == base64.b64encode(clip.audio)
    assert clip.base64 is clip.base64


def test_the_footprint_counts_audio_and_base64() -> None:
    for size in range(8):
        clip = make_clip(size)
        assert clip.footprint == len(clip.audio) + len(clip.base64)


def test_any_changed_field_changes_the_key() -> None:
    changed = [{**FIELDS, name: "other"} for name in FIELDS] + [
        {other: value for other, value in FIELDS.items() if other != name} for name in FIELDS
    ]
    keys = [cache_key(fields) for fields in [FIELDS, *changed]]
    assert all(one != another for one, another in itertools.combinations(keys, 2))


def test_fields_do_not_run_into_each_other() -> None:
    assert cache_key({"a": "a|b", "b": "c"}) != cache_key({"a": "a", "b": "b|c"})
    assert cache_key({"a": 1}) != cache_key({"a": "1"}) != cache_key({"a": True})


def test_the_order_of_fields_does_not_matter() -> None:
    assert cache_key(FIELDS) == cache_key(dict(reversed(FIELDS.items())))


def test_the_key_is_plain_sha256_of_utf8_json() -> None:
    assert cache_key({"b": "ü", "a": 1}) == hashlib.sha256('[2,{"a":1,"b":"ü"}]'.encode()).hexdigest()


def test_a_lone_surrogate_has_a_key() -> None:
    assert cache_key({"text": "\ud800"}) != cache_key({"text": "\ud801"})
