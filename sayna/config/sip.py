"""The settings of telephony."""

# ruff: noqa: RUF009 - setting() returns an immutable field

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from .auth import TENANT
from .kinds import boolean, entries, integer, many, matching, network, secret
from .secret import Secret
from .setting import Kind, Wrong, setting, together
from .urls import hook as hook_url

HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?")
_MIN_SECRET = 16
_SECRET_RULE = f"a secret of at least {_MIN_SECRET} characters"

_digits = matching(r"\+?[0-9]{1,32}", "the first digits of a number such as +49")
_outbound = matching(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?",
    "a host name or address, with a port or without",
)


def _hook_secret(text: str) -> Secret:
    if len(text) < _MIN_SECRET:
        raise Wrong("has a secret that is too short")
    return secret.parse(text)


def _host_or_network(text: str) -> str:
    return text.lower() if HOST.fullmatch(text) else network.parse(text)


@dataclass(frozen=True, slots=True)
class SipHook:
    """Who is told about inbound calls to one SIP domain; without a secret SIP_HOOK_SECRET signs."""

    host: str
    url: str
    auth_id: str | None
    secret: Secret | None


def _hook(entry: dict[str, object]) -> SipHook:
    # An empty auth_id or secret is how the reference's configuration says that there is none.
    texts = {name: value for name, value in entry.items() if value not in (None, "")}
    if not {"host", "url"} <= set(texts) <= {"host", "url", "auth_id", "secret"}:
        raise Wrong("needs host and url, and may have auth_id and secret, nothing else")
    if not all(isinstance(value, str) for value in texts.values()):
        raise Wrong("has a value that is not text")
    host, auth_id, own = str(texts["host"]), texts.get("auth_id"), texts.get("secret")
    if not HOST.fullmatch(host):
        raise Wrong("has a host that is no host name")
    if auth_id is not None and not TENANT.fullmatch(str(auth_id)):
        raise Wrong("has an auth_id that is no tenant id")
    return SipHook(
        host=host.lower().rstrip("."),
        url=hook_url.parse(str(texts["url"])),
        auth_id=None if auth_id is None else str(auth_id),
        secret=None if own is None else _hook_secret(str(own)),
    )


@dataclass(frozen=True, slots=True)
class SipConfig:
    """Inbound trunk, outbound calls with their limits, and hooks."""

    room_prefix: str | None = setting(
        "SIP_ROOM_PREFIX",
        matching("[A-Za-z0-9_-]{1,64}", "letters, digits, _ and -"),
        None,
        "What the names of rooms for inbound calls begin with.",
        yaml="sip.room_prefix",
    )
    allowed_addresses: tuple[str, ...] = setting(
        "SIP_ALLOWED_ADDRESSES",
        many(network),
        (),
        "Where inbound calls may come from.",
        yaml="sip.allowed_addresses",
    )
    outbound_address: str | None = setting(
        "SIP_OUTBOUND_ADDRESS", _outbound, None, "SIP server of outbound calls.", yaml="sip.outbound_address"
    )
    outbound_auth_username: str | None = setting(
        "SIP_OUTBOUND_AUTH_USERNAME",
        matching(r"[^\x00-\x1f\x7f]{1,128}", "one line of text"),
        None,
        "User at SIP_OUTBOUND_ADDRESS.",
        yaml="sip.outbound_auth_username",
    )
    outbound_auth_password: Secret | None = setting(
        "SIP_OUTBOUND_AUTH_PASSWORD",
        secret,
        None,
        "Password at SIP_OUTBOUND_ADDRESS.",
        yaml="sip.outbound_auth_password",
    )
    hook_secret: Secret | None = setting(
        "SIP_HOOK_SECRET",
        Kind(_hook_secret, _SECRET_RULE, secret=True),
        None,
        "Secret that signs what hooks are sent.",
        yaml="sip.hook_secret",
    )
    hooks: tuple[SipHook, ...] = setting(
        "SIP_HOOKS_JSON",
        entries(
            _hook,
            'a JSON array such as [{"host": "example.com", "url": "https://...", "auth_id": "tenant-a"}]',
        ),
        (),
        "Who is told about inbound calls, as JSON.",
        yaml="sip.hooks",
    )
    hook_allow_private: bool = setting(
        "SIP_HOOK_ALLOW_PRIVATE",
        boolean,
        False,
        "Whether hooks may be http or on a private network.",
        yaml="sip.hook_allow_private",
    )
    allowed_destinations: tuple[str, ...] = setting(
        "SIP_ALLOWED_DESTINATIONS",
        many(_digits),
        (),
        "First digits of numbers that may be called; any when unset.",
        yaml="sip.allowed_destinations",
    )
    denied_destinations: tuple[str, ...] = setting(
        "SIP_DENIED_DESTINATIONS",
        many(_digits),
        (),
        "First digits of numbers that may not be called.",
        yaml="sip.denied_destinations",
    )
    calls_per_minute: int = setting(
        "SIP_CALLS_PER_MINUTE",
        integer(1, 100_000),
        60,
        "Outbound calls a minute, for each tenant.",
        yaml="sip.calls_per_minute",
    )
    max_concurrent_calls: int | None = setting(
        "SIP_MAX_CONCURRENT_CALLS",
        integer(1, 100_000),
        None,
        "Outbound calls at a time, for each tenant; no limit when unset.",
        yaml="sip.max_concurrent_calls",
    )
    # A PBX in one's own network is the usual case on premises, hence any when unset.
    override_addresses: tuple[str, ...] = setting(
        "SIP_OVERRIDE_ADDRESSES",
        many(Kind(_host_or_network, "a host name, an address or a CIDR")),
        (),
        "SIP servers that a request may name; any when unset.",
        yaml="sip.override_addresses",
    )

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for settings that need one another and for hooks that cannot work."""
        # An inbound trunk without allowed addresses would take calls from everybody.
        yield from together(given, "SIP_ROOM_PREFIX", "SIP_ALLOWED_ADDRESSES")
        yield from together(given, "SIP_OUTBOUND_AUTH_USERNAME", "SIP_OUTBOUND_AUTH_PASSWORD")
        for host, times in Counter(hook.host for hook in self.hooks).items():
            if times > 1:
                yield f"SIP_HOOKS_JSON names {host} more than once; set each host once."
        for hook in self.hooks:
            if hook.secret is None and "SIP_HOOK_SECRET" not in given:
                yield f"SIP_HOOK_SECRET is missing for the hook of {hook.host}; set it to {_SECRET_RULE}."
            if not self.hook_allow_private and not _is_public(hook.url):
                yield (
                    f"SIP_HOOKS_JSON sends {hook.host} to a URL without https or on a private network; "
                    "set another URL, or set SIP_HOOK_ALLOW_PRIVATE to true."
                )


def _is_public(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        # Names are resolved, and checked again, at every delivery.
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = host != "localhost"
    return parts.scheme == "https" and public
