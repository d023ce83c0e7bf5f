"""Checks of this machine: settings, secrets, the folder of the cache, locks, clock, authorities, limits."""

import ctypes
import datetime
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sayna.cli.doctor.finding import Finding, fail, ok, warn
from sayna.config import read_sources
from sayna.services import Services
from sayna.state.files import exclusive

# File systems on which SQLite and flock do not work between machines, some not even between processes.
NETWORK = re.compile(r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\.(sshfs|s3fs)")
# A request holds its client, its vendor, a part file, locks and a database; a worker has files of its own.
FILES_OF_A_THREAD, FILES_OF_A_WORKER = 8, 128
WEEK = datetime.timedelta(days=7)
MONTH = datetime.timedelta(days=30)
UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)
LOCKER = """\
import fcntl, sys
try:
    fcntl.flock(open(sys.argv[1], "r+b"), fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(9)
"""
HELD = 9


def check_settings(services: Services) -> Iterator[Finding]:
    """Yield names that are close to a setting's, and what is missing or dangerous."""
    for sentence in read_sources().warnings:
        yield warn(sentence, "Correct the name.")
    if exposed := services.exposed_keys():
        sentence = f"every client that reaches {services.config.server.bind} can use your key of {', '.join(exposed)}"
        yield warn(sentence, "Set AUTH_REQUIRED=true and AUTH_API_SECRET, or HOST=127.0.0.1.")
    if "*" in services.config.server.forwarded_allow_ips:
        yield warn("FORWARDED_ALLOW_IPS is *", "Name your proxies: otherwise each client may claim any address.")
    yield ok("the settings are usable")


def check_secrets(services: Services, today: datetime.date | None = None) -> Iterator[Finding]:
    """Yield secrets that are short, have expired, or will within a week."""
    auth, today = services.config.auth, today or datetime.datetime.now(datetime.UTC).date()
    for sentence in auth.warnings(today):
        yield warn(sentence, "Give the tenant another secret.")
    for each in auth.secrets if auth.required else ():
        if each.expires and today <= each.expires <= today + WEEK:
            yield warn(f"a secret of the tenant {each.id} expires on {each.expires}", "Add its successor, and reload.")
    yield ok(f"{len(auth.secrets)} secrets of tenants" if auth.required else "authentication is off")


def check_folder(
    services: Services, mounts: Path = Path("/proc/self/mountinfo"), user: int | None = None
) -> Iterator[Finding]:
    """Yield whether clips can be stored, how much space is free, and on which file system."""
    settings, user = services.config.cache, os.geteuid() if user is None else user
    if settings.path is None:
        yield warn("CACHE_PATH is not set, so each worker pays for the same sentence", "Set CACHE_PATH to a folder.")
        return
    if (owner := settings.path.stat().st_uid) not in (user, 0):
        advice = "Run this as that user: runuser -u NAME -- sayna doctor"
        yield fail(f"{settings.path} belongs to the user {owner}", advice)
        return
    if (status := services.cache.check()) != "ok":
        advice = f"Make it private: chmod 700 {settings.path}. The log has the reason."
        yield (fail if status == "failed" else warn)(f"{settings.path} cannot be used safely", advice)
        if status == "failed":
            return
    if NETWORK.fullmatch(kind := _file_system(settings.path, mounts)):
        yield fail(f"{settings.path} is on a network file system ({kind}), where SQLite breaks", "Use a local disk.")
    free, wanted = shutil.disk_usage(settings.path).free, settings.max_bytes - services.cache.stats().bytes
    if free < wanted:
        sentence = f"{free:,} bytes are free, fewer than the cache may still take ({wanted:,})"
        yield warn(sentence, "Free some space, or lower CACHE_MAX_BYTES.")
    yield ok(f"{settings.path} is writable, on {kind or 'a local disk'}")


def _file_system(path: Path, mounts: Path) -> str:
    """Return the type of the file system that a folder is on (proc(5), mountinfo)."""
    found = ("", "")
    for line in mounts.read_text("utf-8").splitlines() if mounts.exists() else ():
        before, _, after = line.partition(" - ")
        place = before.split()[4].encode().decode("unicode_escape")
        if path.resolve().is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, after.split()[0])
    return found[1]


def check_locks(services: Services, locker: Sequence[str] = (sys.executable, "-c", LOCKER)) -> Iterator[Finding]:
    """Yield whether a lock of this process keeps another process out, and lets it in afterwards."""
    if services.config.cache.path is None:
        return
    file = services.config.cache.path / "doctor.lock"
    with exclusive(file, 5):
        while_held = subprocess.run([*locker, str(file)], check=False).returncode  # noqa: S603 - this Python
    after = subprocess.run([*locker, str(file)], check=False).returncode  # noqa: S603
    file.unlink(missing_ok=True)
    if (while_held, after) == (HELD, 0):
        yield ok("a lock of one process keeps another one out")
    else:
        yield fail("locks between processes do not work in CACHE_PATH", "Use a local disk: ext4, xfs or btrfs.")


def check_clock(_services: Services, state: int | None = None) -> Iterator[Finding]:
    """Yield whether the kernel says that a time server keeps the clock right."""
    # struct timex has 208 bytes on 64-bit Linux; zeroes only read (adjtimex(2)).
    found = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256)) if state is None else state
    if found == UNSYNCHRONIZED:
        yield warn("the clock is not synchronized; tokens and months depend on it", "timedatectl set-ntp true")
    else:
        yield ok("the clock is synchronized")


def check_authorities(services: Services, now: datetime.datetime | None = None) -> Iterator[Finding]:
    """Yield certificates of your own authorities that have expired, or will within a month."""
    from cryptography import x509  # noqa: PLC0415 - only this check reads certificates

    own = services.config.outbound.tls_ca_file
    if own is None:
        return
    now = now or datetime.datetime.now(datetime.UTC)
    for each in x509.load_pem_x509_certificates(own.pem.encode()):
        end, name = each.not_valid_after_utc, each.subject.rfc4514_string()
        if end < now + MONTH:
            finding, said = (fail, "has expired") if end < now else (warn, "will expire")
            yield finding(f"{name} {said}: {end:%Y-%m-%d}", f"Replace it in {own.path}.")
    yield ok(f"the authorities of {own.path} are readable")


def check_files(services: Services, limit: int | None = None) -> Iterator[Finding]:
    """Yield whether a worker may open as many files as its threads need."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] if limit is None else limit
    needed = services.config.server.threads * FILES_OF_A_THREAD + FILES_OF_A_WORKER
    if most != resource.RLIM_INFINITY and most < needed:
        yield warn(f"a worker may open {most} files and needs {needed}", "Set LimitNOFILE in the unit, or WEB_THREADS.")
    else:
        yield ok(f"a worker may open {'any number of' if most == resource.RLIM_INFINITY else most} files")


def check_proxies(services: Services) -> Iterator[Finding]:
    """Yield the usual variables of proxies, which Sayna does not obey."""
    names = [name for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(name)]
    if names and not services.config.outbound.proxy:
        yield warn(f"{names[0]} is set, and Sayna does not use it", "Set OUTBOUND_PROXY where vendors need a proxy.")
    else:
        yield ok("no proxy is set by accident")
