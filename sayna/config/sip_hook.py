"""The entries of SIP_HOOKS_JSON and of SIP_FROM_NUMBERS_JSON."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sayna.config.api_secret import TENANT
from sayna.config.fields import InvalidValue
from sayna.config.secret import Secret
from sayna.config.types import secret
from sayna.config.urls import hook as hook_url

HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")
NUMBER = re.compile(r"\+?[0-9]{1,32}")
MIN_SECRET = 16
# The events that a hook may ask for.
JOINED, CALL_ENDED, RECORDING_ENDED = "participant_joined", "call_ended", "recording_ended"
QUOTA_WARNING = "quota_warning"
EVENTS = (JOINED, CALL_ENDED, RECORDING_ENDED, QUOTA_WARNING)
DEFAULT_EVENTS = (JOINED,)
SECRET_RULE = f"a secret of at least {MIN_SECRET} characters"


@dataclass(frozen=True, slots=True)
class SipHook:
    """A receiver of events of one SIP domain; without a secret SIP_HOOK_SECRET signs."""

    host: str
    url: str
    auth_id: str | None
    secret: Secret | None
    events: tuple[str, ...] = DEFAULT_EVENTS


def sip_hook(entry: dict[str, object]) -> SipHook:
    """Return the hook of one entry of SIP_HOOKS_JSON; raises InvalidValue."""
    # Configurations of the reference have empty texts where there is no auth_id or secret.
    texts = {name: value for name, value in entry.items() if value not in (None, "") and name != "events"}
    if not {"host", "url"} <= set(texts) <= {"host", "url", "auth_id", "secret"}:
        raise InvalidValue("needs host and url, and may have auth_id, secret and events, nothing else")
    if not all(isinstance(value, str) for value in texts.values()):
        raise InvalidValue("has a value that is not text")
    host, auth_id, own = str(texts["host"]), texts.get("auth_id"), texts.get("secret")
    if not HOST.fullmatch(host):
        raise InvalidValue("has a host that is no host name")
    if auth_id is not None and not TENANT.fullmatch(str(auth_id)):
        raise InvalidValue("has an auth_id that is no tenant id")
    return SipHook(
        host=host.lower().rstrip("."),
        url=hook_url.parse(str(texts["url"])),
        auth_id=None if auth_id is None else str(auth_id),
        secret=None if own is None else hook_secret(str(own)),
        events=hook_events(entry.get("events")),
    )


def hook_events(names: object) -> tuple[str, ...]:
    """Return the events of a hook, in one order; raises InvalidValue."""
    if names is None:
        return DEFAULT_EVENTS
    if not isinstance(names, list) or not names or not all(name in EVENTS for name in names):
        raise InvalidValue(f"needs events that are a list of {', '.join(EVENTS)}")
    return tuple(name for name in EVENTS if name in names)


def hook_secret(text: str) -> Secret:
    """Return a secret that signs events; raises InvalidValue when it is too short for the SDKs."""
    if len(text) < MIN_SECRET:
        raise InvalidValue("has a secret that is too short")
    return secret.parse(text)


def is_public(url: str) -> bool:
    """Return whether a URL is https and, as far as its spelling tells, not on a private network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        # Names are resolved, and checked again, at every delivery.
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = host != "localhost"
    return parts.scheme == "https" and public


@dataclass(frozen=True, slots=True)
class TenantNumbers:
    """The numbers that a tenant may call from."""

    auth_id: str
    numbers: frozenset[str]


def tenant_numbers(entry: dict[str, object]) -> TenantNumbers:
    """Return the numbers of one entry of SIP_FROM_NUMBERS_JSON; raises InvalidValue."""
    tenant, numbers = entry.get("auth_id"), entry.get("numbers")
    if entry.keys() != {"auth_id", "numbers"} or not isinstance(tenant, str) or not isinstance(numbers, list):
        raise InvalidValue("is not just an auth_id and a list of numbers")
    if not TENANT.fullmatch(tenant):
        raise InvalidValue("has an auth_id that is no tenant id")
    # Read as a number in a request is: without blanks around it, and as text, because 07 is not 7.
    texts = [number.strip() if isinstance(number, str) else "" for number in numbers]
    if not all(map(NUMBER.fullmatch, texts)):
        raise InvalidValue("has a number that is not a text of an optional + and 1 to 32 digits")
    return TenantNumbers(tenant, frozenset(texts))
