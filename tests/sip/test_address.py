import random

import pytest

from sayna.sip.address import sip_domain
from sayna.sip.phone import masked


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        ("a.example.com", "a.example.com"),
        ("A.Example.COM.", "a.example.com"),
        ("a.example.com:5060", "a.example.com"),
        ("sip:bob@a.example.com", "a.example.com"),
        ("SIPS:bob@a.example.com:5061;transport=tls", "a.example.com"),
        ("sip:a.example.com", "a.example.com"),
        ("bob@a.example.com", "a.example.com"),
        ('"Bob" <sip:+1555;phone-context=x@a.example.com;lr>;tag=1', "a.example.com"),
        ('"<sip:evil@b.com>" <sip:bob@a.example.com>', "a.example.com"),
        ('"quoted \\" <sip:evil@b.com>" <sip:bob@a.example.com>', "a.example.com"),
        ("<sip:bob@a.example.com?subject=x@y>", "a.example.com"),
        ("sip:bob:secret@10.0.0.1:5060", "10.0.0.1"),
        (" a.example.com ", "a.example.com"),
        ("", None),
        (" ", None),
        ("><", None),
        ("<>", None),
        ("tel:+15551234", None),
        ("<tel:1234>", None),
        ("TEL:1234", None),
        ("sip:bob@[::1]", None),
        ("sip:bob@", None),
        ("a b.com", None),
        ("a@b@c.com", None),
        ("exämple.com", None),
        ("a\r\nb.com", None),
        ("x" * 300, None),
    ],
)
def test_domain_is_read_from_every_form_of_header(header: str, domain: str | None) -> None:
    assert sip_domain(header) == domain


def test_every_header_that_can_be_sent_has_an_answer() -> None:
    dice = random.Random(9)
    alphabet = '<>"\\@:;?,=[]{}%\x00\r\n\t é\ud800sipsA.example.com0tel:'
    for _ in range(10_000):
        found = sip_domain("".join(dice.choices(alphabet, k=dice.randrange(80))))
        assert found is None or found == found.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        '"' * 100_000,
        '\\"' * 50_000,
        '"\\' * 50_000,
        "<" * 100_000,
        "@" * 100_000,
        "a@" * 50_000,
        ";" * 100_000,
    ],
)
@pytest.mark.timeout(5)
def test_long_header_costs_little(text: str) -> None:
    assert sip_domain(text) is None


@pytest.mark.parametrize(("number", "shown"), [("+15551234", "***34"), ("1234", "***"), ("", "***")])
def test_numbers_are_masked(number: str, shown: str) -> None:
    assert masked(number) == shown
