"""The path of a clip URL, `/clip/<payload>/<signature>.<ending>`: its payload, expiry and signature.

The payload is unpadded base64url of JSON. The signature is the first 32 hex digits of HMAC-SHA256 over
`payload.ending`, under the key of the tenant, which is HMAC-SHA256 of `tenant:<id>` under a secret, in hex.
docs/telephony.md has the same in shell, PHP and Lua (contract 13).
"""

import base64
import binascii
import functools
import hmac
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sayna.audio.file_endings import ENDINGS
from sayna.speech.clip_errors import ClipNotFound

# Characters of a URL. FreeSWITCH keeps 1024 (freeswitch issue 827).
MAX_URL = 1000
SIGNATURE_DIGITS = 32
MIN_STEP = 60  # seconds
MIN_RATE, MAX_RATE = 0.25, 4.0  # speaking_rate of POST /speak
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]+")
_SIGNATURE = re.compile(rf"[0-9a-f]{{{SIGNATURE_DIGITS}}}")
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")
_NAMES = {
    "t": "text",
    "p": "provider",
    "v": "voice_id",
    "m": "model",
    "l": "language",
    "s": "speaking_rate",
    "r": "sample_rate",
    "a": "voice",
    "k": "markup",
    "o": "tenant",
    "x": "expires",
}
_LARGEST = 2**53  # the largest integer that every JSON parser keeps exactly


@dataclass(frozen=True, slots=True)
class ClipLink:
    """What a clip URL says; None is what its payload leaves out.

    `sample_rate` is in Hz, `expires` in epoch seconds and None for never.
    """

    text: str
    provider: str | None = None
    voice_id: str | None = None
    model: str | None = None
    language: str | None = None
    speaking_rate: float | None = None
    sample_rate: int | None = None
    voice: str | None = None
    markup: str | None = None
    tenant: str | None = None
    expires: int | None = None


def encode(link: ClipLink) -> str:
    """Return the payload: the same for the same link, because the JSON is compact and its keys are sorted."""
    fields = {key: value for key, name in _NAMES.items() if (value := getattr(link, name)) is not None}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(payload: str) -> ClipLink:
    """Return what a payload says; raises ClipNotFound for one that this server would not sign."""
    if not _PAYLOAD.fullmatch(payload):
        raise ClipNotFound
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8")
        fields = json.loads(text, object_pairs_hook=_once)
    # RecursionError: JSON that is nested deeply.
    except (binascii.Error, ValueError, RecursionError) as error:
        raise ClipNotFound from error
    if type(fields) is not dict or "t" not in fields or not all(_is_valid(*field) for field in fields.items()):
        raise ClipNotFound
    return ClipLink(**{_NAMES[key]: value for key, value in fields.items()})


def rounded_expiry(now: float, expires_in: int) -> int | None:
    """Return the epoch second at which a clip expires, None when `expires_in` is 0.

    It is rounded up to a multiple of max(60, expires_in / 8), so the same text has the same URL for a while.
    """
    if not expires_in:
        return None
    # In eighths of a second, so that the step is a whole number.
    step = max(8 * MIN_STEP, expires_in)
    steps = -(-8 * (math.ceil(now) + expires_in) // step)
    return -(-steps * step // 8)


class ClipSigner:
    """Signs the paths of clips with the first secret, and accepts the signatures of all; there may be none.

    `key_file` is the file that the first secret comes from, None for a setting.
    """

    def __init__(self, secrets: Sequence[str], key_file: Path | None = None) -> None:
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._key_file = key_file
        # A path that was opened once needs no HMAC again; a failure is not remembered. A path has at most 1 kB.
        self.open = functools.lru_cache(maxsize=256)(self._open)

    @property
    def can_sign(self) -> bool:
        """Whether there is a secret that lasts: the next start reads the file, not the memory of this process."""
        return bool(self._secrets) and (self._key_file is None or self._key_file.exists())

    def key_of(self, tenant: str | None) -> str:
        """Return the key that signs the clips of a tenant, in hex; None is no tenant."""
        return _key(self._secrets[0], tenant)

    def path(self, link: ClipLink, ending: str) -> str:
        """Return the path of a clip."""
        payload = encode(link)
        signature = _signature(self.key_of(link.tenant), payload, ending)
        return f"/clip/{payload}/{signature}.{ending}"

    def _open(self, payload: str, signature: str, ending: str) -> ClipLink:
        """Return what a signed path says; raises ClipNotFound unless each part of it is right."""
        if len(payload) > MAX_URL or ending not in ENDINGS or not _SIGNATURE.fullmatch(signature):
            raise ClipNotFound
        link = decode(payload)
        if not ENDINGS[ending].fits(link.sample_rate):
            raise ClipNotFound
        keys = [_key(secret, link.tenant) for secret in self._secrets]
        # Compare with every secret, otherwise the time taken would show which one matched.
        matches = [hmac.compare_digest(_signature(key, payload, ending), signature) for key in keys]
        if not any(matches):
            raise ClipNotFound
        return link


def derived(secret: bytes) -> str:
    """Return the secret of clips that a secret of other uses stands for."""
    return hmac.digest(secret, b"clips", "sha256").hex()


def _key(secret: bytes, tenant: str | None) -> str:
    return hmac.digest(secret, f"tenant:{tenant or ''}".encode(), "sha256").hex()


def _signature(key: str, payload: str, ending: str) -> str:
    return hmac.digest(key.encode(), f"{payload}.{ending}".encode(), "sha256").hex()[:SIGNATURE_DIGITS]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Another parser would take the other of two values.
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _is_valid(key: str, value: Any) -> bool:
    # type() and not isinstance(): to Python, true is an integer.
    if key == "s":
        return type(value) in (int, float) and MIN_RATE <= value <= MAX_RATE
    if key in ("r", "x"):
        return type(value) is int and 0 < value < _LARGEST
    return key in _NAMES and type(value) is str and bool(value) and not _FORBIDDEN.search(value)
