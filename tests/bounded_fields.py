"""Every function that reads a caller's field, header or name, for tests/test_bounded_time.py."""

import contextlib
import json
from collections.abc import Callable
from urllib.parse import quote

from marshmallow import ValidationError

from sayna.auth import read_token
from sayna.auth.auth_service import AuthRequest, _auth_data
from sayna.blueprints.accept import accepted
from sayna.blueprints.body import JSON_TYPE
from sayna.blueprints.responses import PLAIN, SAFE
from sayna.config import TENANT
from sayna.config.sip_address import SipAddress
from sayna.errors import SaynaError
from sayna.providers import PROVIDERS
from sayna.providers.parsing import leading_tag
from sayna.schemas.base import ignored_fields
from sayna.schemas.json_object import parse_object
from sayna.schemas.livekit import check_name
from sayna.schemas.sip import check_tenant
from sayna.schemas.speak import FLAT, load_speak
from sayna.sip.address import sip_domain
from sayna.sip.hooks import canonical_host
from sayna.sip.phone import phone_number
from sayna.speech.voices.accents import accent
from sayna.speech.voices.languages import canonical

Function = Callable[[str], object]
Named = tuple[str, Function]


def refusing(function: Function) -> Function:
    """Return the function; the time of a refusal counts, its error does not."""

    def call(text: str) -> None:
        with contextlib.suppress(SaynaError, ValidationError, ValueError):
            function(text)

    return call


def _patterns(text: str) -> None:
    for provider in PROVIDERS.values():
        provider.voice_pattern.fullmatch(text)
        provider.model_pattern.fullmatch(text)
        provider.voice_pattern.fullmatch(f"a{text}")


def _body(text: str) -> object:
    return parse_object(json.dumps({"text": text, "list": [text]}).encode())


FIELD_FUNCTIONS: list[Named] = [
    (name, refusing(function))
    for name, function in (
        ("language", canonical),
        ("accent", lambda text: accent(text, ["en-US"])),
        ("voice and model", _patterns),
        ("language in a voice's name", leading_tag),
        ("voice in a header", lambda text: PLAIN.fullmatch(text) or quote(text[:128], safe=SAFE, errors="replace")),
        ("tenant", TENANT.fullmatch),
        ("auth_id", check_tenant),
        ("name of a room", check_name),
        ("phone number", lambda text: phone_number(text, "to_phone_number")),
        ("SIP address", SipAddress.parse),
        ("SIP domain", sip_domain),
        ("host of a hook", canonical_host),
        ("type of a body", JSON_TYPE.fullmatch),
        ("body", _body),
        ("raw body", lambda text: parse_object(text.encode("utf-8", "replace"))),
        ("number", lambda text: parse_object(b'{"a":' + text.encode("utf-8", "replace") + b"}")),
        ("ignored fields", lambda text: ignored_fields(FLAT, dict.fromkeys(text.split(" "), 1))),
        ("fields of speech", lambda text: load_speak({"text": "x", "provider": text, "audio_format": text})),
        ("Accept", lambda text: accepted(text[:8190])),
        ("Authorization", lambda text: read_token([text], [], allow_query=True)),
        ("joined Authorization", lambda text: read_token([f"Basic a,{text}"], [], allow_query=True)),
        ("X-API-Key", lambda text: read_token([], [text], allow_query=True, header_keys=[text])),
        ("query", lambda text: _auth_data("t", AuthRequest("GET", "/", {}, query=text))),
    )
]
