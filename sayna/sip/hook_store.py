"""Stored hooks: `sip_hooks.json`, the Rust server's file, for all workers and across restarts."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sayna.config import Secret
from sayna.config.sip import DEFAULT_EVENTS, hook_events
from sayna.errors import StoreUnavailable
from sayna.log import RateLimitedLogger
from sayna.sip.errors import HooksNotStored
from sayna.state.files import Check
from sayna.state.ports import BlobStore

NAME = "sip_hooks.json"
DAMAGED = (ValueError, TypeError, KeyError, RecursionError)


@dataclass(frozen=True, slots=True)
class Hook:
    """The URL for events of one domain, the tenant that owns them (None: no tenant), and the secret that signs them.

    The store keeps no secrets.
    """

    host: str
    url: str
    owner: str | None
    events: tuple[str, ...] = DEFAULT_EVENTS
    secret: Secret | None = None


Stored = dict[str, Hook]


class HookStore:
    """Reads and changes the hooks, and never replaces a value that it cannot read."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._last: tuple[bytes | None, Stored] = (None, {})
        self._is_read = False
        self._rate_limited_log = RateLimitedLogger(logging.getLogger("sayna.sip"))

    def read(self) -> Stored:
        """Return the hooks by host; of a value that cannot be read, the last hooks known.

        Raises StoreUnavailable when this process has never read them: without hooks, events would be lost.
        """
        try:
            return self._parsed(self._blobs.read(NAME))
        except (OSError, *DAMAGED) as error:
            self._rate_limited_log.warn("%s cannot be read, the last hooks known stay in use: %r", NAME, error)
            if isinstance(error, OSError) and not self._is_read:
                raise StoreUnavailable("hooks cannot be read now; try again", retry_after=1) from error
            return self._last[1]

    def check(self) -> Check:
        """Return `failed` when the stored hooks cannot be read; a change would fail too."""
        try:
            self._parsed(self._blobs.read(NAME))
        except (OSError, *DAMAGED) as error:
            self._rate_limited_log.warn("%s cannot be used: %r", NAME, error)
            return "failed"
        return "ok"

    def change(self, change: Callable[[Stored], Stored]) -> None:
        """Replace the hooks in one step, against all workers, unless nothing changes.

        Raises HooksNotStored, StoreUnavailable.
        """

        def changed(raw: bytes | None) -> bytes | None:
            stored = self._undamaged(raw)
            hooks = change(stored)
            members = [_members(hook) for _, hook in sorted(hooks.items())]
            return None if hooks == stored else (json.dumps(members, indent=2) + "\n").encode()

        try:
            self._blobs.change(NAME, changed)
        except OSError as error:
            self._rate_limited_log.warn("hooks cannot be stored: %s", error)
            raise HooksNotStored("hooks cannot be stored now; nothing was changed") from error

    def _undamaged(self, raw: bytes | None) -> Stored:
        try:
            return self._parsed(raw)
        except DAMAGED as error:
            copy = f"{NAME}.corrupt-{hashlib.sha256(raw or b'').hexdigest()[:16]}"
            self._blobs.change(copy, lambda _: raw)
            self._rate_limited_log.warn("%s is damaged; a copy is kept as %s", NAME, copy)
            # The Rust server reads a damaged file as an empty one: its next write loses the hooks of all tenants.
            raise HooksNotStored("the stored hooks are damaged; an operator must repair them") from error

    def _parsed(self, raw: bytes | None) -> Stored:
        self._is_read = True
        if raw is None:
            self._last = (None, {})
        elif raw != self._last[0]:
            self._last = (raw, _decoded(raw))
        return self._last[1]


def _members(hook: Hook) -> dict[str, object]:
    """Return the members of an entry: without the default events it is what the Rust server reads and writes."""
    events = {"events": hook.events} if hook.events != DEFAULT_EVENTS else {}
    return {"host": hook.host, "url": hook.url, "auth_id": hook.owner or "", **events}


def _decoded(raw: bytes) -> Stored:
    """Return the hooks; the Rust server omits an auth_id of `default`, and an empty one means no tenant."""
    entries = json.loads(raw) if raw.strip() else []
    if type(entries) is not list:
        raise TypeError("the hooks are not a list")
    hooks: Stored = {}
    for each in entries:
        host, url, auth_id = each["host"], each["url"], each.get("auth_id", "default")
        if not all(type(text) is str for text in (host, url, auth_id)):
            raise TypeError("a hook has a value that is not text")
        hooks[host] = Hook(host, url, auth_id or None, hook_events(each.get("events")))
    return hooks
