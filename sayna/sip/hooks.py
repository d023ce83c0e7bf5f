"""Who is told about inbound calls: hooks by SIP domain, from the configuration and from a file."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sayna.caller import Caller
from sayna.config import Secret, SipConfig
from sayna.config.sip_hook import HOST
from sayna.errors import InvalidRequest
from sayna.sip.errors import HookAccessDenied, HookImmutable, HooksNotStored, HookTaken
from sayna.sip.hook_file import HookFile, StoredHook
from sayna.sip.hook_url import check_hook_urls
from sayna.sip.signing import per_hook_secret

MAX_HOOKS = 100

logger = logging.getLogger("sayna.sip")


@dataclass(frozen=True, slots=True)
class Hook:
    """Where calls for one domain are told, whose they are (None: nobody's), and what signs them."""

    host: str
    url: str
    owner: str | None
    secret: Secret | None


class Hooks:
    """All hooks; those of the configuration win over those on file and cannot be changed.

    With `own_secrets` each of those on file is signed with a secret of its own, made of SIP_HOOK_SECRET:
    tenants save them, and one who verifies its events must not be able to sign another's.
    """

    def __init__(self, config: SipConfig, folder: Path | None, *, own_secrets: bool) -> None:
        self._file = HookFile(folder) if folder is not None else None
        self._secret = config.hook_secret
        self._own_secrets = own_secrets
        self._allow_private = config.hook_allow_private
        self._fixed = {
            hook.host: Hook(hook.host, hook.url, hook.auth_id, hook.secret or config.hook_secret)
            for hook in config.hooks
        }

    def find(self, host: str) -> Hook | None:
        """Return the hook of a domain."""
        if host in self._fixed:
            return self._fixed[host]
        hook = self._stored().get(host)
        return self._signed(hook) if hook else None

    def secret_of(self, tenant: str | None, host: str) -> Secret | None:
        """Return what signs the events of a tenant's hook, saved or not; None without SIP_HOOK_SECRET.

        Raises InvalidRequest, and HookAccessDenied when the configuration gives the host to another.
        """
        host = canonical_host(host)
        hook = self._fixed.get(host) or self._signed(StoredHook(host, "", tenant or ""))
        if hook.owner != tenant:
            raise HookAccessDenied(f"the configuration gives {host} to another tenant")
        return hook.secret

    def visible(self, visitor: Caller) -> list[Hook]:
        """Return the visitor's hooks by host; a server without auth shows all."""
        stored = {host: self._signed(hook) for host, hook in self._stored().items()}
        hooks = {**stored, **self._fixed}
        return [hook for _, hook in sorted(hooks.items()) if visitor.may_access(hook.owner)]

    def save(self, visitor: Caller, wanted: Iterable[StoredHook]) -> None:
        """Add hooks, or replace those of the same hosts: all of them or none.

        Raises InvalidRequest, HookAccessDenied, HookImmutable, HookTaken, HooksNotStored,
        HookNamesTooSlow, StoreUnavailable.
        """
        hooks = [StoredHook(canonical_host(hook.host), hook.url.strip(), hook.auth_id) for hook in wanted]
        for hook in hooks:
            _check_owner(visitor, hook)
        for host, times in Counter(hook.host for hook in hooks).items():
            if times > 1:
                raise InvalidRequest(f"the host {host} is there more than once; send each host once")
        self._check_changeable(hook.host for hook in hooks)
        check_hook_urls((hook.url for hook in hooks), allow_private=self._allow_private)
        if self._secret is None:
            logger.warning("hooks are saved, but nothing is sent to them until SIP_HOOK_SECRET is set")
        self._change(lambda stored: _merged(visitor, stored, hooks))

    def remove(self, visitor: Caller, hosts: Iterable[str]) -> None:
        """Remove the visitor's hooks of these hosts; a host without one, or another's, is left as it is.

        Both are passed over alike, so nobody learns here which hosts other tenants have.
        """
        gone = {canonical_host(host) for host in hosts}
        if not gone:
            raise InvalidRequest("hosts must name at least one host")
        self._check_changeable(gone)
        self._change(
            lambda stored: {
                host: hook for host, hook in stored.items() if host not in gone or not visitor.may_access(hook.owner)
            }
        )

    def _stored(self) -> dict[str, StoredHook]:
        return self._file.read() if self._file is not None else {}

    def _signed(self, hook: StoredHook) -> Hook:
        secret = self._secret
        if secret is not None and self._own_secrets:
            secret = per_hook_secret(secret, hook.auth_id, hook.host)
        return Hook(hook.host, hook.url, hook.owner, secret)

    def _check_changeable(self, hosts: Iterable[str]) -> None:
        if fixed := sorted(set(hosts) & self._fixed.keys()):
            raise HookImmutable(f"{', '.join(fixed)} stands in this server's configuration; change it there")

    def _change(self, change: Callable[[dict[str, StoredHook]], dict[str, StoredHook]]) -> None:
        if self._file is None:
            raise HooksNotStored("this server has no place to keep hooks; set CACHE_PATH")
        self._file.change(change)


def canonical_host(text: str) -> str:
    """Return a host as hooks are found by; raises InvalidRequest."""
    # EXAMPLE.com. is example.com: two hooks of one domain would be two tenants' claims to it.
    host = text.strip().lower().rstrip(".")
    if not HOST.fullmatch(host):
        raise InvalidRequest("host must be a host name, as in example.com")
    return host


def _check_owner(visitor: Caller, hook: StoredHook) -> None:
    if visitor.is_unrestricted:
        return
    if hook.owner is None:
        raise InvalidRequest(f"the hook for {hook.host} needs your own id as auth_id")
    if hook.owner != visitor.tenant:
        raise HookAccessDenied(f"the hook for {hook.host} has an auth_id that is not yours")


def _merged(visitor: Caller, stored: dict[str, StoredHook], hooks: Iterable[StoredHook]) -> dict[str, StoredHook]:
    merged = dict(stored)
    for hook in hooks:
        present = merged.get(hook.host)
        if present is not None and not visitor.may_access(present.owner):
            raise HookTaken(f"the host {hook.host} belongs to somebody else")
        merged[hook.host] = hook
    # Counted in what will be stored, under the file's lock, so that two requests cannot both just fit.
    if any(count > MAX_HOOKS for count in Counter(hook.owner for hook in merged.values()).values()):
        raise InvalidRequest(f"nobody may have more than {MAX_HOOKS} hooks; remove some first")
    return merged
