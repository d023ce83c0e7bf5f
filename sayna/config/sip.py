"""The settings of telephony."""

# ruff: noqa: RUF009 - setting() returns an immutable field

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sayna.config.fields import SettingType, require_both, setting
from sayna.config.secret import Secret
from sayna.config.sip_hook import HOST, SECRET_RULE, SipHook, hook_secret, is_public, sip_hook
from sayna.config.sip_numbers import TenantNumbers, tenant_numbers
from sayna.config.types import boolean, choice, integer, json_list, list_of, matching, network, secret

_digits = matching(r"\+?[0-9]{1,32}", "the first digits of a number such as +49")
_outbound = matching(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?",
    "a host name or address, with a port or without",
)


def _host_or_network(text: str) -> str:
    return text.lower() if HOST.fullmatch(text) else network.parse(text)


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
        list_of(network),
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
        SettingType(hook_secret, SECRET_RULE, secret=True),
        None,
        "Secret that signs what hooks are sent.",
        yaml="sip.hook_secret",
    )
    # A setting whose default depends on others is kept as own_..., see Config.own_hook_secrets.
    own_hook_secret_scope: str | None = setting(
        "SIP_HOOK_SECRET_SCOPE",
        choice("hook", "server"),
        None,
        "Whether each hook saved over HTTP is signed with a secret of its own or all with SIP_HOOK_SECRET.",
        yaml="sip.hook_secret_scope",
        shown="hook; server where there is at most one tenant",
    )
    hooks: tuple[SipHook, ...] = setting(
        "SIP_HOOKS_JSON",
        json_list(
            sip_hook,
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
    x_to_ip_trunks: tuple[str, ...] = setting(
        "SIP_X_TO_IP_TRUNKS",
        list_of(matching("[A-Za-z0-9_-]{1,128}", "a trunk's id such as ST_a1B2c3")),
        (),
        "LiveKit trunks whose X-To-IP says which domain was called; any when unset, none with the word none.",
        yaml="sip.x_to_ip_trunks",
    )
    allowed_destinations: tuple[str, ...] = setting(
        "SIP_ALLOWED_DESTINATIONS",
        list_of(_digits),
        (),
        "First digits of numbers that may be called; any when unset.",
        yaml="sip.allowed_destinations",
    )
    denied_destinations: tuple[str, ...] = setting(
        "SIP_DENIED_DESTINATIONS",
        list_of(_digits),
        (),
        "First digits of numbers that may not be called.",
        yaml="sip.denied_destinations",
    )
    from_numbers: tuple[TenantNumbers, ...] = setting(
        "SIP_FROM_NUMBERS_JSON",
        json_list(tenant_numbers, 'a JSON array such as [{"auth_id": "tenant-a", "numbers": ["+4930123456"]}]'),
        (),
        "Numbers that each tenant may call from, as JSON; any when unset.",
        yaml="sip.from_numbers",
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
        list_of(SettingType(_host_or_network, "a host name, an address or a CIDR")),
        (),
        "SIP servers that a request may name; any when unset.",
        yaml="sip.override_addresses",
    )

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for settings that need one another and for hooks that cannot work."""
        # An inbound trunk without allowed addresses would take calls from everybody.
        yield from require_both(given, "SIP_ROOM_PREFIX", "SIP_ALLOWED_ADDRESSES")
        yield from require_both(given, "SIP_OUTBOUND_AUTH_USERNAME", "SIP_OUTBOUND_AUTH_PASSWORD")
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
