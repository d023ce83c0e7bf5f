"""The expiry of clip URLs, and what their payloads hold."""

import pytest

from sayna.speech.clip_urls import ClipLink, ClipSigner, decode, encode, rounded_expiry

NOW = 1_800_000_000


@pytest.mark.parametrize("expires_in", [60, 100, 480, 1001, 86400, 31536000])
def test_expiry_is_rounded_up_by_an_eighth_at_most(expires_in: int) -> None:
    step = max(60, expires_in / 8)
    for now in (NOW, NOW + 1, NOW + 0.5, NOW + 12345):
        expires = rounded_expiry(now, expires_in)
        assert expires is not None
        assert now + expires_in <= expires <= now + expires_in + step + 2
        assert expires / step - int(expires / step) < 1 / step + 1e-9


def test_one_url_serves_for_a_whole_step() -> None:
    found = {rounded_expiry(NOW + second, 86400) for second in range(10800)}

    assert len(found) <= 2
    assert rounded_expiry(NOW, 0) is None


def test_payload_is_canonical_json() -> None:
    assert encode(ClipLink("é", provider="espeak", expires=5)) == "eyJwIjoiZXNwZWFrIiwidCI6IsOpIiwieCI6NX0"
    link = ClipLink("a", "p", "v", "m", "l", 2, 8000, "a", "k", "o", 9)
    assert decode(encode(link)) == link


def test_every_secret_verifies_and_the_first_one_signs() -> None:
    link = ClipLink("a", provider="espeak")
    old, both = ClipSigner(["o" * 32]), ClipSigner(["n" * 32, "o" * 32])
    _, _, payload, name = old.path(link, "wav").split("/")

    assert both.open(payload, name[:32], "wav") == link
    assert both.path(link, "wav") != old.path(link, "wav")
    assert both.key_of("t") == ClipSigner(["n" * 32]).key_of("t")
