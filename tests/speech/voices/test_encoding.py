import json

from sayna.providers.base import Voice
from sayna.speech.voices.catalogue import VoiceListing
from sayna.speech.voices.encoding import MAX_BYTES, EncodedVoicesCache, VoiceFilter
from sayna.speech.voices.store import VoiceList


def listing(name: str = "n", count: int = 1) -> VoiceListing:
    voices = tuple(Voice(f"v{number}", name, "p", languages=("en-GB",)) for number in range(count))
    return VoiceListing({"p": VoiceList(voices, 0.0)}, (), ())


def test_answer_is_made_once_until_a_list_changes() -> None:
    cache, old = EncodedVoicesCache(), listing()
    first = cache.encoded(old, VoiceFilter("en"))
    assert cache.encoded(VoiceListing(old.lists, ("p",), ()), VoiceFilter("en")) is first
    assert cache.encoded(old, VoiceFilter("de")) is not first
    assert cache.encoded(listing("other"), VoiceFilter("en")).etag != first.etag
    assert cache.encoded(listing(), VoiceFilter("en")).etag == first.etag, "another worker says the same"


def test_encoded_answers_stay_within_their_limit() -> None:
    cache, large = EncodedVoicesCache(), listing("x" * 100_000, 20)
    kept = [cache.encoded(large, VoiceFilter("en", gender)) for gender in ("", "Unknown")]
    for number in range(6):
        cache.encoded(large, VoiceFilter(gender="Unknown", language="en" + "-GB" * (number % 2)))
        cache.encoded(listing("x" * 100_000, 20), VoiceFilter())
    assert sum(len(each.body) for each in cache._encoded.values()) <= MAX_BYTES
    assert cache.encoded(large, VoiceFilter("en")).body == kept[0].body


def test_unusual_names_are_json() -> None:
    body = json.loads(EncodedVoicesCache().encoded(listing('"\\\u2028<é'), VoiceFilter()).body)
    assert body["voices"] == body["p"]
    assert body["p"][0]["name"] == '"\\\u2028<é'
    assert "tags" not in body["p"][0]
