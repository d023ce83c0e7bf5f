"""Checks of what the server calls: LiveKit, the store of recordings, the auth service, hooks, vendors."""

import email.utils
import secrets
import time
from collections.abc import Iterator

from sayna import http
from sayna.auth.auth_service import AuthRequest
from sayna.caller import UNRESTRICTED
from sayna.cli.doctor.finding import Finding, fail, ok, warn
from sayna.errors import AuthServiceFailed, InvalidRequest, NotAuthenticated, ProviderError, SaynaError
from sayna.services import Services
from sayna.sip.hook_url import check_hook_urls
from sayna.storage import Store, open_store

MAX_DRIFT = 10  # seconds; LiveKit itself allows 60
VENDOR_SECONDS = 10.0
PROBE = b"sayna doctor"


def check_livekit(services: Services) -> Iterator[Finding]:
    """Yield whether LiveKit takes our key, and whether its clock is ours."""
    if services.livekit is None:
        yield ok("LiveKit is not configured")
        return
    url = services.config.livekit.url
    try:
        services.livekit.rooms.visible(UNRESTRICTED)
    except SaynaError as error:
        sentence = getattr(error, "operator_message", error.message)
        yield fail(f"{url}: {sentence}", "Check LIVEKIT_URL, _API_KEY and _API_SECRET.")
        return
    drift = _clock_difference(url.replace("ws", "http", 1) if url.startswith("ws") else url)
    if abs(drift) > MAX_DRIFT:
        yield warn(f"the clock of LiveKit differs by {drift:+.0f} s", "Synchronize the clocks of both machines.")
    yield ok(f"{url} takes the key")


def _clock_difference(url: str) -> float:
    """Return the seconds by which a server's Date is ahead of this clock; 0 where it says none."""
    try:
        deadline = http.Deadline.after(5)
        response = http.send("GET", url, headers={}, deadline=deadline, connect_seconds=3, max_bytes=2**16)
        response.close()
        return email.utils.parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()
    except (http.TransportError, LookupError, ValueError):
        return 0.0


def check_recordings(services: Services) -> Iterator[Finding]:
    """Yield whether the store of recordings does what recordings need, on an object of this check."""
    store = open_store(services.config.recording)
    if store is None:
        yield ok("recordings are not configured")
        return
    prefix = f"{services.config.recording.prefix}/" if services.config.recording.prefix else ""
    yield from check_store(store, f"{prefix}doctor-{secrets.token_hex(8)}/probe.json")


def check_store(store: Store, key: str) -> Iterator[Finding]:
    """Yield whether a store can put, get, put under a condition, and delete; the object `key` is gone afterwards."""
    backend = type(store).__name__.removesuffix("Store")
    step = "put"
    try:
        if not store.write(key, PROBE, if_absent=True):
            yield fail(f"{backend} refused to put a new object", "Check the rights of the key: s3:PutObject.")
            return
        step = "get"
        is_same = store.read(key, len(PROBE)) == PROBE
        step = "conditional put"
        replaced = store.write(key, b"other", if_absent=True)
        step = "delete"
        store.delete(key)
        is_gone = store.find(key) is None
    except SaynaError as error:
        yield fail(f"{backend} cannot {step}: {error.message}", "Check address, bucket, key, its rights, and the log.")
        return
    faults = [
        (not is_same, "returned other bytes than it was given", "Check what stands between Sayna and the store."),
        (replaced, "ignores If-None-Match: two tenants could own one recording", "Use a store that knows it."),
        (not is_gone, "does not delete", "Check the rights of the key: s3:DeleteObject, and versioning."),
    ]
    yield from (fail(f"{backend} {what}", advice) for is_fault, what, advice in faults if is_fault)
    if not any(is_fault for is_fault, *_ in faults):
        yield ok(f"{backend}: put, get, conditional put and delete work")


def check_redis(services: Services) -> Iterator[Finding]:
    """Yield whether Redis takes what is written, and keeps it."""
    status = services.state.check()
    if status == "off":
        return
    if status == "failed":
        yield fail("Redis cannot be used; see the log", "Check REDIS_URL, its password, TLS_CA_FILE and the rights.")
        return
    facts = services.state.facts()
    if facts.get("maxmemory_policy") != "noeviction":
        advice = "Set maxmemory-policy noeviction: without its key, a call may be placed twice."
        yield fail(f"Redis removes keys when it is full: maxmemory-policy {facts.get('maxmemory_policy')}", advice)
    if facts.get("aof_enabled") != "1":
        yield warn("a restart of Redis loses calls, hooks and events", "Set appendonly yes.")
    yield ok(f"Redis {facts.get('redis_version')} takes what is written")


def check_shared_clips(services: Services) -> Iterator[Finding]:
    """Yield whether the store of the clips of all machines keeps a clip of this check."""
    if services.speech.machines is None or services.config.fleet.clips_store == "none":
        return
    store = services.speech.machines.store
    place = "the bucket of recordings" if services.config.fleet.clips_store == "recordings" else "Redis"
    try:
        name = store.name(f"doctor-{secrets.token_hex(8)}", "doctor", "probe")
        is_kept = store.put(name, PROBE, "doctor", "probe") and store.get(name) == PROBE
        store.delete(name)
    except SaynaError as error:
        yield fail(f"{place} cannot keep clips: {error.message}", "Check CLIPS_STORE, CLIPS_REDIS_URL and the rights.")
        return
    if is_kept:
        yield ok(f"{place} keeps clips for all machines")
    else:
        yield warn(f"{place} is too full for clips", "Raise maxmemory: each machine renders for itself until then.")


def check_auth_service(services: Services) -> Iterator[Finding]:
    """Yield whether the auth service refuses a token that was made up."""
    auth, token = services.config.auth, f"sayna-doctor-{secrets.token_hex(16)}"
    if services.authenticator is None or auth.service_url is None:
        return
    try:
        services.authenticator.authenticate(token, lambda: AuthRequest("GET", "/voices", {}))
    except NotAuthenticated:
        yield ok(f"{auth.service_url} refuses a wrong token")
    except AuthServiceFailed as error:
        yield fail(f"{auth.service_url}: {error.message}", "It must answer 401 to a wrong token within the timeout.")
    else:
        yield fail(f"{auth.service_url} accepted a token that was made up", "It must answer 401 to a wrong token.")


def check_hooks(services: Services) -> Iterator[Finding]:
    """Yield hooks whose host is in a private network, and hooks that get no events."""
    hooks = services.hooks.visible(UNRESTRICTED)
    for hook in hooks:
        try:
            check_hook_urls([hook.url], allow_private=services.config.sip.hook_allow_private)
        except InvalidRequest as error:
            advice = "Correct the URL, or set SIP_HOOK_ALLOW_PRIVATE=true."
            yield fail(f"the hook of {hook.host}: {error.message}", advice)
        if hook.secret is None:
            yield fail(f"the hook of {hook.host} gets no events: it has no secret", "Set SIP_HOOK_SECRET.")
    yield ok(f"{len(hooks)} hooks")


def check_providers(services: Services) -> Iterator[Finding]:
    """Yield providers that are configured and cannot be used."""
    configured = {slug: each for slug, each in services.providers.items() if each.configured}
    for slug, provider in configured.items():
        if provider.check() != "ok":
            yield fail(provider.problem or f"{slug} cannot be used", f"See docs/providers/{slug}.md.")
    if not configured:
        yield fail("no provider is configured", "Set the key of a vendor, or ESPEAK_ENABLED=true.")
    yield ok(f"configured: {', '.join(configured)}")


def check_vendors(services: Services) -> Iterator[Finding]:
    """Yield the number of voices of each vendor, as asked now with the key of this server."""
    for slug, provider in services.providers.items():
        if not provider.configured or provider.local:
            continue
        try:
            voices = provider.list_voices(http.Deadline.after(VENDOR_SECONDS))
            yield ok(f"{slug} takes the key: {len(voices)} voices")
        except ProviderError as error:
            advice = f"Check the key and the address of {slug}: docs/providers/{slug}.md."
            yield fail(f"{slug}: {error.message}", advice)
