import json

from sayna.providers.base import Voice
from sayna.speech.voices import Filter, Listing, Pages, VoiceList
from sayna.speech.voices.responses import MAX_BYTES


def listing(name: str = "n", count: int = 1) -> Listing:
    voices = tuple(Voice(f"v{number}", name, "p", languages=("en-GB",)) for number in range(count))
    return Listing({"p": VoiceList(voices, 0.0)}, (), ())


def test_answer_is_made_once_until_a_list_changes() -> None:
    pages, old = Pages(), listing()
    first = pages.page(old, Filter("en"))
    assert pages.page(Listing(old.lists, ("p",), ()), Filter("en")) is first
    assert pages.page(old, Filter("de")) is not first
    assert pages.page(listing("other"), Filter("en")).etag != first.etag
    assert pages.page(listing(), Filter("en")).etag == first.etag, "another worker says the same"


def test_what_is_remembered_is_bounded() -> None:
    pages, large = Pages(), listing("x" * 100_000, 20)
    kept = [pages.page(large, Filter("en", gender)) for gender in ("", "Unknown")]
    for number in range(6):
        pages.page(large, Filter(gender="Unknown", language="en" + "-GB" * (number % 2)))
        pages.page(listing("x" * 100_000, 20), Filter())
    assert sum(len(page.body) for page in pages._pages.values()) <= MAX_BYTES
    assert pages.page(large, Filter("en")).body == kept[0].body


def test_unusual_names_are_json() -> None:
    body = json.loads(Pages().page(listing('"\\\u2028<é'), Filter()).body)
    assert body["voices"] == body["p"]
    assert body["p"][0]["name"] == '"\\\u2028<é'
    assert "tags" not in body["p"][0]
