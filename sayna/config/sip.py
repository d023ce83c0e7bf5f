"""The settings of telephony."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from sayna.config.auth import TENANT
from sayna.config.fields import InvalidValue, SettingType, require_both, setting
from sayna.config.sip_address import TRANSPORTS, WANTS, SipAddress, SipPlace
from sayna.config.types import Secret, boolean, choice, integer, json_list, list_of, matching, network, secret
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

_digits = matching(r"\+?[0-9]{1,32}", "the first digits of a number such as +49")
_outbound = SettingType(SipAddress.parse, WANTS)
_place = SettingType(
    lambda text: text.lower() if HOST.fullmatch(text) else network.parse(text), "a host name, an address or a CIDR"
)


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


@dataclass(frozen=True, slots=True)
class SipConfig:
    """Inbound trunk, outbound calls with their limits, and hooks."""

    room_prefix: str | None = setting(
        "SIP_ROOM_PREFIX", matching("[A-Za-z0-9_-]{1,64}", "letters, digits, _ and -"), None
    )
    allowed_addresses: tuple[str, ...] = setting("SIP_ALLOWED_ADDRESSES", list_of(network), ())
    outbound_address: SipAddress | None = setting("SIP_OUTBOUND_ADDRESS", _outbound, None)
    outbound_transport: str = setting("SIP_OUTBOUND_TRANSPORT", choice(*TRANSPORTS), "auto")
    outbound_encryption: str = setting("SIP_OUTBOUND_ENCRYPTION", choice("disable", "allow", "require"), "disable")
    outbound_auth_username: str | None = setting(
        "SIP_OUTBOUND_AUTH_USERNAME", matching(r"[^\x00-\x1f\x7f]{1,128}", "one line of text"), None
    )
    outbound_auth_password: Secret | None = setting("SIP_OUTBOUND_AUTH_PASSWORD", secret, None)
    hook_secret: Secret | None = setting("SIP_HOOK_SECRET", SettingType(hook_secret, SECRET_RULE, secret=True), None)
    # The default depends on the tenants, see Config.own_hook_secrets.
    hook_secret_scope_setting: str | None = setting(
        "SIP_HOOK_SECRET_SCOPE", choice("hook", "server"), None, shown="hook; server where there is at most one tenant"
    )
    hooks: tuple[SipHook, ...] = setting(
        "SIP_HOOKS_JSON",
        json_list(
            sip_hook, 'a JSON array such as [{"host": "example.com", "url": "https://...", "auth_id": "tenant-a"}]'
        ),
        (),
    )
    hook_allow_private: bool = setting("SIP_HOOK_ALLOW_PRIVATE", boolean, False)
    x_to_ip_trunks: tuple[str, ...] = setting(
        "SIP_X_TO_IP_TRUNKS", list_of(matching("[A-Za-z0-9_-]{1,128}", "a trunk's id such as ST_a1B2c3")), ()
    )
    allowed_destinations: tuple[str, ...] = setting("SIP_ALLOWED_DESTINATIONS", list_of(_digits), ())
    denied_destinations: tuple[str, ...] = setting("SIP_DENIED_DESTINATIONS", list_of(_digits), ())
    from_numbers: tuple[TenantNumbers, ...] = setting(
        "SIP_FROM_NUMBERS_JSON",
        json_list(tenant_numbers, 'a JSON array such as [{"auth_id": "tenant-a", "numbers": ["+4930123456"]}]'),
        (),
    )
    calls_per_minute: int = setting("SIP_CALLS_PER_MINUTE", integer(1, 100_000), 60)
    max_concurrent_calls: int | None = setting("SIP_MAX_CONCURRENT_CALLS", integer(1, 100_000), None)
    # Any when unset: on premises, a PBX in the operator's network is the usual case.
    override_addresses: tuple[str, ...] = setting("SIP_OVERRIDE_ADDRESSES", list_of(_place), ())

    own_addresses: tuple[SipPlace, ...] = setting(
        "SIP_OWN_ADDRESSES", list_of(SettingType(SipPlace.parse, "a host, host:port, address or CIDR")), ()
    )

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for settings that need one another and for hooks that cannot work."""
        # An inbound trunk without allowed addresses would accept calls from every address.
        yield from require_both(given, "SIP_ROOM_PREFIX", "SIP_ALLOWED_ADDRESSES")
        yield from require_both(given, "SIP_OUTBOUND_AUTH_USERNAME", "SIP_OUTBOUND_AUTH_PASSWORD")
        transports = {self.outbound_transport, self.outbound_address.transport if self.outbound_address else "auto"}
        if len(transports - {"auto"}) > 1:
            yield "SIP_OUTBOUND_TRANSPORT and SIP_OUTBOUND_ADDRESS name two transports; set one of them."
        for host, times in Counter(hook.host for hook in self.hooks).items():
            if times > 1:
                yield f"SIP_HOOKS_JSON names {host} more than once; set each host once."
        for tenant, times in Counter(each.auth_id for each in self.from_numbers).items():
            if times > 1:
                yield f"SIP_FROM_NUMBERS_JSON names {tenant} more than once; set each tenant once."
        for hook in self.hooks:
            if hook.secret is None and "SIP_HOOK_SECRET" not in given:
                yield f"SIP_HOOK_SECRET is missing for the hook of {hook.host}; set it to {SECRET_RULE}."
            if not self.hook_allow_private and not is_public(hook.url):
                yield (
                    f"SIP_HOOKS_JSON sends {hook.host} to a URL without https or on a private network; "
                    "set another URL, or set SIP_HOOK_ALLOW_PRIVATE to true."
                )
