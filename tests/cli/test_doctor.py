"""`sayna doctor`: each check finds its own fault, and says what to do."""

import datetime
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sayna.cli.doctor import CHECKS, DEEP_CHECKS, machine, remote
from sayna.cli.doctor.finding import Finding, ok
from sayna.config import load_config
from sayna.services import Services, build
from sayna.storage import ObjectInfo, StorageUnavailable, Store
from sayna.storage.local import LocalStore
from tests.auth.conftest import FakeService, rsa_key, save_key, service
from tests.cli.conftest import Run
from tests.wire import answers
from tests.wire.certificates import Authority
from tests.wire.deepgram import DeepgramFake
from tests.wire.twirp import FakeLiveKit, Reply

__all__ = ["rsa_key", "save_key", "service"]

Make = Callable[..., Services]
TODAY = datetime.date(2026, 12, 1)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Build the services of these settings, with a folder."""
    made: list[Services] = []

    def services(**environ: str) -> Services:
        made.append(build(load_config({"CACHE_PATH": str(tmp_path / "cache"), **environ})))
        return made[-1]

    yield services
    for each in made:
        each.close()


def bad(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    """Return status and sentence of what is not well; each of these has advice."""
    found = [each for each in findings if each.status != "ok"]
    assert all(each.advice for each in found)
    return [(each.status, each.what) for each in found]


def only(findings: Iterator[Finding]) -> tuple[str, str]:
    [found] = bad(findings)
    return found


def secrets(*entries: dict[str, str]) -> dict[str, str]:
    return {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": json.dumps(entries)}


def test_misspelt_setting_is_a_warning(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPGRAM_APIKEY", "x")

    assert only(machine.check_settings(make())) == (
        "warn",
        "DEEPGRAM_APIKEY is no setting of Sayna; did you mean DEEPGRAM_API_KEY?",
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"OPENAI_API_KEY": "k"}, "every client that reaches 0.0.0.0:3001 can use your key of openai"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS is *"),
    ],
)
def test_open_door_is_a_warning(make: Make, settings: dict[str, str], sentence: str) -> None:
    assert only(machine.check_settings(make(**settings))) == ("warn", sentence)
    assert bad(machine.check_settings(make(**settings, HOST="127.0.0.1")))[1:] == []


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"secret": "short"}, "fewer than 16 characters"),
        ({"secret": "x" * 32, "expires": "2026-11-30"}, "expired on 2026-11-30"),
        ({"secret": "x" * 32, "expires": "2026-12-01"}, "expires on 2026-12-01"),
        ({"secret": "x" * 32, "expires": "2026-12-08"}, "expires on 2026-12-08"),
        ({"secret": "x" * 32, "expires": "2026-12-09"}, ""),
    ],
)
def test_weak_or_ending_secret_is_a_warning(make: Make, entry: dict[str, str], sentence: str) -> None:
    found = bad(machine.check_secrets(make(**secrets({"id": "acme", **entry})), TODAY))

    assert [status for status, _ in found] == ["warn"] * bool(sentence)
    assert all(sentence in what and "acme" in what for _, what in found)


def test_missing_folder_setting_is_a_warning(make: Make) -> None:
    assert only(machine.check_folder(make(CACHE_PATH="")))[0] == "warn"


def test_folder_of_another_user_is_a_failure(make: Make) -> None:
    services, user = make(), os.geteuid()
    if user == 0:
        os.chown(services.config.cache.path or "", 12345, -1)
    else:
        user += 1

    assert "belongs to the user" in only(machine.check_folder(services, user=user))[1]


def test_folder_that_others_may_write_to_is_a_failure(make: Make, tmp_path: Path) -> None:
    services = make()
    (tmp_path / "cache").chmod(0o777)

    assert only(machine.check_folder(services)) == ("fail", f"{tmp_path}/cache cannot be used safely")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_network_file_system_is_a_failure(make: Make, tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    place = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(
        f"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n36 21 0:50 / {place} rw shared:9 - {kind} srv:/x rw\n"
    )

    status, what = only(machine.check_folder(make(), mounts))

    assert (status, kind in what) == ("fail", True)


def test_full_disk_is_a_warning(make: Make) -> None:
    assert "bytes are free" in only(machine.check_folder(make(CACHE_MAX_BYTES=str(2**50))))[1]


@pytest.mark.parametrize("status", ["0", "9"])
def test_lock_that_does_not_lock_is_a_failure(make: Make, status: str) -> None:
    assert only(machine.check_locks(make(), ("sh", "-c", f"exit {status}", "sh")))[0] == "fail"
    assert bad(machine.check_locks(make())) == []


def test_clock_without_a_time_server_is_a_warning(make: Make) -> None:
    assert only(machine.check_clock(make(), machine.UNSYNCHRONIZED))[0] == "warn"
    assert bad(machine.check_clock(make(), 0)) == []
    assert list(machine.check_clock(make()))


def test_authority_that_ends_is_told_before(make: Make, tmp_path: Path) -> None:
    services = make(TLS_CA_FILE=str(Authority.create(tmp_path).pem))
    now = datetime.datetime.now(datetime.UTC)

    assert only(machine.check_authorities(services))[0] == "warn"
    status, what = only(machine.check_authorities(services, now + 3 * machine.WEEK))
    assert (status, "has expired" in what) == ("fail", True)
    assert bad(machine.check_authorities(services, now - 8 * machine.WEEK)) == []


def test_few_open_files_are_a_warning(make: Make) -> None:
    assert only(machine.check_files(make(), 256)) == ("warn", "a worker may open 256 files and needs 640")
    assert bad(machine.check_files(make(), 640)) == []


def test_proxy_that_is_not_used_is_a_warning(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert bad(machine.check_proxies(make())) == []
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert only(machine.check_proxies(make()))[1].startswith("https_proxy is set")


def test_livekit_with_another_key_or_clock_is_told(make: Make) -> None:
    with FakeLiveKit() as livekit:
        assert bad(remote.check_livekit(make(**livekit.settings))) == []
        livekit.clock_offset = 30
        status, what = only(remote.check_livekit(make(**livekit.settings)))
        assert (status, "the clock of LiveKit differs by" in what) == ("warn", True)
        livekit.script = lambda method, message: Reply(401, b"invalid API key", "text/plain")
        status, what = only(remote.check_livekit(make(**livekit.settings)))
        assert (status, "refuses this server's key" in what) == ("fail", True)
        settings = livekit.settings
    assert "cannot be reached" in only(remote.check_livekit(make(**settings)))[1]


class FaultyStore(LocalStore):
    """A folder that fails in one way."""

    def __init__(self, root: Path, fault: str) -> None:
        super().__init__(root, "")
        self._fault = fault

    def write(self, key: str, content: bytes, *, if_absent: bool = False, replacing: ObjectInfo | None = None) -> bool:
        if self._fault == "refuses":
            return False
        if self._fault == "put":
            raise StorageUnavailable("no")
        return super().write(key, content, if_absent=if_absent and self._fault != "unconditional", replacing=replacing)

    def read(self, key: str, limit: int) -> bytes | None:
        if self._fault == "get":
            raise StorageUnavailable("no")
        return None if self._fault == "bytes" else super().read(key, limit)

    def delete(self, key: str) -> None:
        if self._fault == "delete":
            raise StorageUnavailable("no")
        if self._fault != "keeps":
            super().delete(key)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("", ""),
        ("refuses", "refused to put"),
        ("put", "cannot put"),
        ("get", "cannot get"),
        ("bytes", "other bytes"),
        ("unconditional", "ignores If-None-Match"),
        ("delete", "cannot delete"),
        ("keeps", "does not delete"),
    ],
)
def test_store_that_cannot_do_a_step_is_a_failure(tmp_path: Path, fault: str, sentence: str) -> None:
    store: Store = FaultyStore(tmp_path, fault)

    found = bad(remote.check_store(store, "doctor/probe.json"))

    assert [status for status, _ in found] == ["fail"] * bool(sentence)
    assert all(sentence in what for _, what in found)


def test_store_keeps_nothing_of_the_probe(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "recordings"
    root.mkdir()

    assert bad(remote.check_recordings(make(RECORDING_LOCAL_PATH=str(root)))) == []
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    "expected",
    [(401, ""), (200, "accepted a token that was made up"), (500, "no usable response"), (302, "no usable response")],
)
def test_auth_service_must_refuse_a_made_up_token(
    make: Make, service: FakeService, rsa_key: rsa.RSAPrivateKey, save_key: Any, expected: tuple[int, str]
) -> None:
    service.status, sentence = expected
    settings = {"AUTH_SERVICE_URL": service.url, "AUTH_SIGNING_KEY_PATH": str(save_key(rsa_key))}

    found = bad(remote.check_auth_service(make(AUTH_REQUIRED="true", **settings)))

    assert [kind for kind, _ in found] == ["fail"] * bool(sentence)
    assert all(sentence in what for _, what in found)
    assert len(service.requests) == 1


def test_hook_without_secret_or_in_private_network_is_told(make: Make, tmp_path: Path) -> None:
    stored = {"host": "sip.example.com", "url": "https://10.0.0.7/x"}
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "cache" / "sip_hooks.json").write_text(json.dumps([stored]))
    (tmp_path / "cache" / "sip_hooks.json").chmod(0o600)

    found = bad(remote.check_hooks(make()))

    assert [status for status, _ in found] == ["fail", "fail"]
    assert "not in a private network" in found[0][1]
    assert "has no secret" in found[1][1]
    assert bad(remote.check_hooks(make(SIP_HOOK_ALLOW_PRIVATE="true", SIP_HOOK_SECRET="x" * 32))) == []


def test_server_without_providers_fails(make: Make) -> None:
    assert only(remote.check_providers(make(ESPEAK_ENABLED="false")))[1] == "no provider is configured"


def test_wrong_key_of_a_vendor_shows_only_with_deep(make: Make) -> None:
    with DeepgramFake() as deepgram:
        services = make(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url)
        assert bad(remote.check_vendors(services)) == []
        deepgram.then(answers.status(401))
        assert bad(remote.check_providers(services)) == []
        status, what = only(remote.check_vendors(services))
    assert (status, "deepgram" in what) == ("fail", True)
    assert "vendors" in DEEP_CHECKS
    assert "vendors" not in CHECKS


def test_report_has_a_status_of_the_worst_finding(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    report = run("doctor", "--json", CACHE_PATH="cache", FORWARDED_ALLOW_IPS="*")
    rows = json.loads(report.stdout)
    assert report.exit_code == 1
    assert {row["check"] for row in rows} >= {"settings", "folder", "locks", "clock", "files", "providers"}
    assert all(row["advice"] for row in rows if row["status"] != "ok")

    assert run("doctor", CACHE_PATH="cache", ESPEAK_ENABLED="false").exit_code == 2
    mistyped = run("doctor", CACHE_PATH="none")
    assert (mistyped.exit_code, "mkdir -p -m 700" in mistyped.stdout) == (2, True)
    wrong = run("doctor", PORT="high")
    assert (wrong.exit_code, wrong.stdout.startswith("fail  settings   PORT")) == (2, True)


def test_another_subject_adds_a_check_with_one_function(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_weather(_services: Services) -> Iterator[Finding]:
        yield ok("it is sunny")

    monkeypatch.setitem(CHECKS, "weather", check_weather)

    assert "ok    weather    it is sunny" in run("doctor").stdout
