"""Hooks: the URLs that get events about inbound calls, by SIP domain, from the configuration and the store."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from sayna.caller import Caller
from sayna.config import Config, Secret
from sayna.config.sip import HOST
from sayna.errors import InvalidRequest
from sayna.sip.errors import HookAccessDenied, HookImmutable, HooksNotStored, HookTaken
from sayna.sip.event_signing import per_hook_secret
from sayna.sip.hook_store import Hook, HookStore, Stored
from sayna.sip.hook_url import check_hook_urls
from sayna.state.files import Check
from sayna.state.ports import BlobStore

MAX_HOOKS = 100

logger = logging.getLogger("sayna.sip")


class Hooks:
    """All hooks; those of the configuration win over stored ones and cannot be changed.

    With Config.own_hook_secrets each stored hook has its own secret, derived from SIP_HOOK_SECRET: a tenant
    that can verify its events must not be able to sign those of another tenant.
    """

    def __init__(self, config: Config, blobs: BlobStore | None) -> None:
        self._store = HookStore(blobs) if blobs is not None else None
        self._secret = config.sip.hook_secret
        self._own_secrets = config.own_hook_secrets
        self._allow_private = config.sip.hook_allow_private
        self._fixed = {
            hook.host: Hook(hook.host, hook.url, hook.auth_id, hook.events, hook.secret or self._secret)
            for hook in config.sip.hooks
        }
        shared = sorted(hook.host for hook in config.sip.hooks if hook.secret is None)
        if shared and self._own_secrets:
            logger.warning(
                "SIP_HOOK_SECRET itself signs for %s, and a tenant that knows it can sign for every hook; give each"
                " its own secret in SIP_HOOKS_JSON before you give the secret to a tenant",
                ", ".join(shared),
            )

    def check(self) -> Check:
        """Return whether stored hooks can be read, `off` without a store."""
        return self._store.check() if self._store else "off"

    def find(self, host: str) -> Hook | None:
        """Return the hook of a domain."""
        if host in self._fixed:
            return self._fixed[host]
        hook = self._stored().get(host)
        return self._signed(hook) if hook else None

    def secret_of(self, tenant: str | None, host: str) -> Secret | None:
        """Return the secret for the events of a tenant's hook, saved or not; None without SIP_HOOK_SECRET.

        Raises InvalidRequest, and HookAccessDenied when the configuration gives the host to another tenant.
        """
        host = canonical_host(host)
        hook = self._fixed.get(host) or self._signed(Hook(host, "", tenant))
        if hook.owner != tenant:
            raise HookAccessDenied(f"the configuration gives {host} to another tenant")
        return hook.secret

    def visible(self, caller: Caller) -> list[Hook]:
        """Return the caller's hooks, sorted by host; without authentication all hooks."""
        return [hook for hook in self._all() if caller.may_access(hook.owner)]

    def of_tenant(self, tenant: str | None) -> list[Hook]:
        """Return the hooks that a tenant owns, or those without an owner for None, sorted by host."""
        return [hook for hook in self._all() if hook.owner == tenant]

    def save(self, caller: Caller, wanted: Iterable[Hook]) -> None:
        """Add hooks, or replace those of the same hosts: all or none.

        Raises InvalidRequest, HookAccessDenied, HookImmutable, HookTaken, HooksNotStored,
        HookNamesTooSlow, StoreUnavailable.
        """
        hooks = [replace(hook, host=canonical_host(hook.host), url=hook.url.strip()) for hook in wanted]
        for hook in hooks:
            _check_owner(caller, hook)
        for host, times in Counter(hook.host for hook in hooks).items():
            if times > 1:
                raise InvalidRequest(f"hooks names the host {host} more than once; send each host once")
        self._check_changeable(hook.host for hook in hooks)
        check_hook_urls((hook.url for hook in hooks), allow_private=self._allow_private)
        if self._secret is None:
            logger.warning("hooks were saved, but get no events until SIP_HOOK_SECRET is set")
        self._change(lambda stored: _merged(caller, stored, hooks))

    def remove(self, caller: Caller, hosts: Iterable[str]) -> None:
        """Remove the caller's hooks of these hosts, and ignore other hosts.

        A missing hook and another tenant's hook give the same answer, so a caller cannot learn other tenants'
        hosts. Raises InvalidRequest, HookImmutable, HooksNotStored, StoreUnavailable.
        """
        gone = {canonical_host(host) for host in hosts}
        if not gone:
            raise InvalidRequest("hosts must name at least one host")
        self._check_changeable(gone)
        self._change(
            lambda stored: {
                host: hook for host, hook in stored.items() if host not in gone or not caller.may_access(hook.owner)
            }
        )

    def _all(self) -> list[Hook]:
        stored = {host: self._signed(hook) for host, hook in self._stored().items()}
        return [hook for _, hook in sorted({**stored, **self._fixed}.items())]

    def _stored(self) -> Stored:
        return self._store.read() if self._store is not None else {}

    def _signed(self, hook: Hook) -> Hook:
        secret = self._secret
        if secret is not None and self._own_secrets:
            secret = per_hook_secret(secret, hook.owner or "", hook.host)
        return replace(hook, secret=secret)

    def _check_changeable(self, hosts: Iterable[str]) -> None:
        if fixed := sorted(set(hosts) & self._fixed.keys()):
            raise HookImmutable(f"{', '.join(fixed)} is in this server's configuration; change it there")

    def _change(self, change: Callable[[Stored], Stored]) -> None:
        if self._store is None:
            raise HooksNotStored("this server cannot store hooks; set CACHE_PATH")
        self._store.change(change)


def canonical_host(text: str) -> str:
    """Return the spelling of a host that hooks are stored under; raises InvalidRequest."""
    # EXAMPLE.com. is example.com: with two spellings, two tenants could claim one domain.
    host = text.strip().lower().rstrip(".")
    if not HOST.fullmatch(host):
        raise InvalidRequest("host must be a host name, as in example.com")
    return host


def _check_owner(caller: Caller, hook: Hook) -> None:
    if caller.is_unrestricted:
        return
    if hook.owner is None:
        raise InvalidRequest(f"the hook for {hook.host} needs your own id as auth_id")
    if hook.owner != caller.tenant:
        raise HookAccessDenied(f"the hook for {hook.host} has an auth_id that is not yours")


def _merged(caller: Caller, stored: Stored, hooks: list[Hook]) -> Stored:
    merged = dict(stored)
    for hook in hooks:
        present = merged.get(hook.host)
        if present is not None and not caller.may_access(present.owner):
            raise HookTaken(f"the host {hook.host} belongs to another tenant")
        merged[hook.host] = hook
    # Count under the store's lock, otherwise two requests at once could exceed the limit.
    counts = Counter(hook.owner for hook in merged.values())
    if any(counts[hook.owner] > MAX_HOOKS for hook in hooks):
        raise InvalidRequest(f"a tenant may have at most {MAX_HOOKS} hooks; remove some first")
    return merged
