"""The settings of telephony."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sayna.config.fields import SettingType, require_both, setting
from sayna.config.secret import Secret
from sayna.config.sip_address import TRANSPORTS, WANTS, SipAddress, SipPlace
from sayna.config.sip_hook import (
    HOST,
    SECRET_RULE,
    SipHook,
    TenantNumbers,
    hook_secret,
    is_public,
    sip_hook,
    tenant_numbers,
)
from sayna.config.types import boolean, choice, integer, json_list, list_of, matching, network, secret

_digits = matching(r"\+?[0-9]{1,32}", "the first digits of a number such as +49")
_outbound = SettingType(SipAddress.parse, WANTS)


def _host_or_network(text: str) -> str:
    return text.lower() if HOST.fullmatch(text) else network.parse(text)


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
    override_addresses: tuple[str, ...] = setting(
        "SIP_OVERRIDE_ADDRESSES", list_of(SettingType(_host_or_network, "a host name, an address or a CIDR")), ()
    )

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
