"""A day of one operator, on real processes: install offline, doctor, tenants, a bad key, a full disk, an upgrade."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from sayna import __version__, metrics
from tests.e2e.conftest import Browse
from tests.e2e.program import Program, json_lines, until
from tests.e2e.servers import ROOT, answers, free_port, started
from tests.e2e.studio import Studio
from tests.e2e.watching import reload
from tests.e2e.wire import Address, Answer
from tests.programs import needs
from tests.wire import answers as audio
from tests.wire.deepgram import DeepgramFake

WHEELS = ROOT / ".tools" / "wheels"
SECRETS = {tenant: f"secret-of-{tenant}-0123456789" for tenant in "abc"}
CAP = 40
DISK = 24 * 2**20


class Day:
    """The folder /opt/sayna, the file of the settings, the folder of the cache, and a systemctl that does nothing."""

    def __init__(self, root: Path, vendor: DeepgramFake) -> None:
        self.root, self.vendor = root, vendor
        self.releases = root / "sayna" / "releases"
        self.current = root / "sayna" / "current"
        self.cache = root / "disk" / "cache"
        self.key = root / "deepgram.key"
        self.log = root / "log"
        self.address = Address(free_port())
        for folder in (self.releases, root / "bin", root / "tmp"):
            folder.mkdir(parents=True)
        (root / "bin" / "systemctl").write_text("#!/bin/sh\n")
        (root / "bin" / "systemctl").chmod(0o755)
        self.env = {"PATH": f"{root}/bin:{os.environ['PATH']}", "HOME": str(root), "TMPDIR": str(root / "tmp")}
        self.env["SAYNA_ENV_FILE"] = str(root / "sayna.env")

    def configure(self, **more: str) -> None:
        """Write the settings: two tenants, of which a has a cap."""
        tenants: list[dict[str, Any]] = [{"id": tenant, "secret": SECRETS[tenant]} for tenant in "ab"]
        tenants[0]["characters_per_month"] = CAP
        settings = {
            "BIND": f"127.0.0.1:{self.address.port}",
            "CACHE_PATH": str(self.cache),
            "CACHE_MAX_BYTES": str(4 * 2**20),
            "LOG_FORMAT": "json",
            "METRICS_ENABLED": "true",
            "WEB_CONCURRENCY": "1",
            "GRACEFUL_TIMEOUT": "1",
            "AUTH_REQUIRED": "true",
            "AUTH_API_SECRETS_JSON": json.dumps(tenants),
            "DEEPGRAM_API_KEY_FILE": str(self.key),
            "DEEPGRAM_BASE_URL": self.vendor.url,
            **more,
        }
        file = self.root / "sayna.env"
        file.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))

    def sayna(self, *words: str) -> list[str]:
        """Return the command of the current release with these settings."""
        return [str(self.current / "scripts" / "sayna"), "--env-file", str(self.root / "sayna.env"), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            words, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=300, check=False
        )

    def doctor(self, *words: str) -> dict[str, set[str]]:
        """Return the statuses of each check that doctor names."""
        found: dict[str, set[str]] = {}
        for row in json.loads(self.run(*self.sayna("doctor", "--json", *words)).stdout):
            found.setdefault(row["check"], set()).add(row["status"])
        return found

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Start what the unit starts."""
        program = Program(self.sayna("serve"), cwd=self.current, env=self.env, log=self.log)
        with started(program, lambda: answers(self.address)):
            yield

    def ask(self, tenant: str, method: str, path: str, body: object = None) -> Answer:
        """Return the answer to a tenant."""
        return self.address.ask(method, path, body, Authorization=f"Bearer {SECRETS[tenant]}")

    def speak(self, tenant: str, text: str, provider: str = "deepgram") -> Answer:
        """Return the speech of a tenant."""
        return self.ask(tenant, "POST", "/speak", {"text": text, "provider": provider})

    def ready(self) -> tuple[int, dict[str, str]]:
        """Return the status and the checks of /ready."""
        answer = self.address.ask("GET", "/ready")
        return answer.status, answer.json()["checks"]

    def metric(self, line: str) -> float:
        """Return the value of a metric with its labels."""
        lines = self.address.ask("GET", "/metrics").body.decode().splitlines()
        return sum(float(each.rpartition(" ")[2]) for each in lines if each.startswith(f"{line} "))

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log with these words."""
        return [line for line in json_lines(self.log.read_text()) if event in json.dumps(line)]


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """Give a small disk at the folder, and whether there is one: a file system of its own needs root."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.timeout(900)
def test_day_in_the_life(tmp_path: Path, browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    with DeepgramFake() as vendor, disk(tmp_path / "disk") as is_small:
        day = Day(tmp_path, vendor)
        install_without_network(day)
        doctor_finds_five_mistakes(day)
        try:
            with day.serving():
                one_tenant_reaches_its_cap(day, browse)
                key_of_the_vendor_goes_bad(day, browse)
                if is_small:
                    disk_fills(day)
            upgrade_and_back_keep_the_data(day)
        finally:
            for version in (__version__, "0.3.0"):
                monkeypatch.setattr(metrics, "__version__", version)
                shutil.rmtree(metrics.folder_of(f"127.0.0.1:{day.address.port}", str(day.cache)), ignore_errors=True)
    if not is_small:
        pytest.skip("everything but the full disk was tried: mount needs root")


def install_without_network(day: Day) -> None:
    if not WHEELS.is_dir():
        pytest.skip(
            "this test needs wheels: .venv/bin/pip download --dest .tools/wheels --requirement requirements.txt"
        )
    release = day.releases / "0.2.0"
    release.mkdir()
    git = [needs("git", "apt-get install git"), "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    files = subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(lambda name: name and not name.startswith((".ci/", "tests/", "bench/")), files):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, release / name)
    offline = ["unshare", "--net"] if day.run("unshare", "--net", "true").returncode == 0 else []
    wheels = ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={WHEELS}"]
    installed = day.run(*offline, *wheels, str(release / "scripts" / "install"), "requirements.txt")
    assert installed.returncode == 0, installed.stderr
    day.current.symlink_to("releases/0.2.0")


def doctor_finds_five_mistakes(day: Day) -> None:
    day.cache.mkdir(mode=0o700)
    day.cache.chmod(0o777)
    day.key.write_text("bad\n")
    expired = [{"id": tenant, "secret": SECRETS[tenant], "expires": "2026-01-01"} for tenant in "c"]
    day.configure(
        DEEPGRAM_APIKEY="good",
        LIVEKIT_URL=f"ws://127.0.0.1:{free_port()}",
        LIVEKIT_API_KEY="key",
        LIVEKIT_API_SECRET="secret-of-livekit-0123456789-0123",
        AUTH_API_SECRETS_JSON=json.dumps([*expired, {"id": "a", "secret": SECRETS["a"]}]),
    )
    found = day.doctor("--deep")
    worst = {"settings": "warn", "secrets": "warn", "folder": "fail", "livekit": "fail", "vendors": "fail"}
    assert {name: status for name, status in worst.items() if status in found[name]} == worst
    said = day.run(*day.sayna("doctor", "--deep"))
    assert said.returncode == 2
    for sentence in (
        "did you mean DEEPGRAM_API_KEY",
        "tenant c",
        f"chmod 700 {day.cache}",
        "LIVEKIT_URL",
        "Check the key",
    ):
        assert sentence in said.stdout, said.stdout

    day.cache.chmod(0o700)
    day.key.write_text("good\n")
    day.configure()
    mended = day.doctor("--deep")
    assert {name: mended[name] for name in worst} == {name: {"ok"} for name in worst}
    assert not any("fail" in statuses for statuses in mended.values())


def one_tenant_reaches_its_cap(day: Day, browse: Browse) -> None:
    status, checks = day.ready()
    assert (status, checks["cache"], checks["providers"]) == (200, "ok", "ok")
    assert day.speak("a", "t" * 36).headers["x-quota-remaining"] == "4"
    refused = day.speak("a", "Too long")
    assert (refused.status, refused.json()["code"], int(refused.headers["retry-after"]) > 0) == (
        429,
        "QUOTA_EXCEEDED",
        True,
    )
    assert day.speak("a", "t" * 36).headers["x-cache"] == "HIT"
    assert day.speak("b", "Good morning").status == 200

    rows = json.loads(day.run(*day.sayna("usage", "--json")).stdout)
    assert {row["tenant"]: row["billed"] for row in rows} == {"a": 36, "b": 12}
    assert day.metric('sayna_characters_total{kind="billed",provider="deepgram"}') == 48
    assert day.metric('sayna_requests_total{route="/speak",status="429"}') == 1
    [warning] = day.logged("quota_warning")
    assert warning["tenant"] == "a"
    studio = opened(day, browse, "a")
    studio.page.wait(
        lambda: studio.page.one("#usage").text == "This month: 36 of 40 characters.", "it says what is left"
    )


def opened(day: Day, browse: Browse, tenant: str) -> Studio:
    """Return the studio of a tenant."""
    studio = Studio(browse(f"http://127.0.0.1:{day.address.port}/studio"))
    studio.page.driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    reload(studio.page)
    studio.page.wait(lambda: studio.page.one("#key-form").is_displayed(), "the page asks for a key")
    studio.page.one("#key").send_keys(SECRETS[tenant], Keys.ENTER)
    return studio.ready()


def key_of_the_vendor_goes_bad(day: Day, browse: Browse) -> None:
    day.vendor.then(*[audio.status(401)] * 100)
    answer = day.speak("b", "Is there anybody?")
    assert (answer.status, answer.json()["code"]) == (500, "PROVIDER_REJECTED_CREDENTIALS")
    assert day.ready()[1]["providers"] == "warn"
    assert "fail" in day.doctor("--deep")["vendors"]
    assert day.metric('sayna_vendor_errors_total{code="PROVIDER_REJECTED_CREDENTIALS",provider="deepgram"}') == 1
    assert day.logged("PROVIDER_REJECTED_CREDENTIALS")
    # The other provider goes on, and so does what was heard before.
    assert day.speak("b", "Good morning").headers["x-cache"] == "HIT"
    assert day.speak("b", "Hello", "espeak").status == 200
    studio = opened(day, browse, "b")
    card = studio.cards[0]
    card.select("provider", "Deepgram")
    card.speak()
    said = card.part("status").text
    assert (card.fact("state"), "the server's key for deepgram was refused" in said) == ("failed", True), said
    # The page's console has the 500, which is no mistake of the page.
    studio.page.complaints()

    day.vendor.forget()
    assert day.doctor("--deep")["vendors"] == {"ok"}
    assert day.speak("b", "Is there anybody?").status == 200
    assert day.ready()[1]["providers"] == "ok"


def disk_fills(day: Day) -> None:
    ballast = day.cache.parent / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"\0" * 65536):
            pass
    spoken = day.speak("b", "The disk is full")
    assert (spoken.status, len(spoken.body) > 1000) == (200, True)
    status, checks = day.ready()
    assert (status, checks["cache"]) == (503, "failed")
    assert {"warn", "fail"} & day.doctor()["folder"]
    assert day.logged("the audio cache cannot be used")
    assert day.metric('sayna_requests_total{route="/ready",status="503"}') >= 1
    # What costs money and cannot be counted is refused, for the tenant with a cap.
    assert day.speak("a", "Tea").status == 503

    ballast.unlink()
    until(lambda: day.ready()[0] == 200, 60, "it is ready again")
    assert [day.speak("b", "There is space again").headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
    assert day.speak("a", "Tea").status == 200


def upgrade_and_back_keep_the_data(day: Day) -> None:
    new = day.releases / "0.3.0"
    shutil.copytree(day.releases / "0.2.0", new, ignore=shutil.ignore_patterns(".venv"))
    (new / ".venv").symlink_to(day.releases / "0.2.0" / ".venv")
    version = new / "sayna" / "__init__.py"
    earlier = version.read_text("utf-8").partition('__version__ = "')[2].partition('"')[0]
    version.write_text(version.read_text("utf-8").replace(earlier, "0.3.0"))
    for release, number in (("0.3.0", "0.3.0"), ("0.2.0", earlier)):
        switched = day.run(str(day.current / "scripts" / "switch"), release)
        assert (switched.returncode, switched.stdout.splitlines()) == (
            0,
            ["ok    the settings are usable", f"Sayna {release} is the current release."],
        ), switched.stderr
        with day.serving():
            assert day.address.ask("GET", "/ready").json()["version"] == number
            assert day.metric(f'sayna_build_info{{version="{number}"}}') == 1
            assert day.speak("b", "Good morning").headers["x-cache"] == "HIT"
            assert day.ask("a", "GET", "/usage").json()["billed"] >= 36
        assert "Traceback" not in day.log.read_text()
