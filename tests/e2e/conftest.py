"""Fixtures that start the real programs on loopback and stop them by their own pid."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver

from tests.e2e.livekit import LiveKitServer, Studio
from tests.e2e.page import Page, chromium
from tests.e2e.servers import Gunicorn, Nginx, answers, free_port, started
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address

StartServer = Callable[..., Gunicorn]
StartNginx = Callable[[Path], Nginx]
Browse = Callable[[str], Page]


@dataclass(frozen=True, slots=True)
class Site:
    """Sayna behind nginx, and the vendor behind Sayna."""

    direct: Address
    public: Address
    gunicorn: Gunicorn
    nginx: Nginx
    vendor: Vendor


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A vendor that fails the test when Sayna's request is not what Deepgram documents."""
    with Vendor() as vendor:
        yield vendor
    assert not vendor.complaints


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StartServer]:
    """Start Sayna with these settings, `at` an address or on a free port."""
    with ExitStack() as stack:
        numbers = itertools.count(1)
        yield lambda **env: stack.enter_context(start_gunicorn(tmp_path / f"server{next(numbers)}", **env))


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Start nginx in front of what listens on a socket in the file system."""
    with ExitStack() as stack:
        yield lambda upstream: stack.enter_context(_nginx(tmp_path / "nginx", upstream))


@pytest.fixture
def site(tmp_path: Path, vendor: Vendor, server: StartServer, nginx: StartNginx) -> Site:
    """A site of one's own, to be ill-treated."""
    path = tmp_path / "sayna.sock"
    gunicorn = server(at=Address(path=path), **vendor.settings)
    front = nginx(path)
    return Site(gunicorn.address, front.address, gunicorn, front, vendor)


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests that leave it as it was; its vendor answers at once."""
    with start_site(tmp_path_factory.mktemp("common")) as site:
        yield site


@contextmanager
def start_site(folder: Path, **env: str) -> Iterator[Site]:
    """Give a site with these settings; fails when Sayna asks its vendor for something odd."""
    path = folder / "sayna.sock"
    with (
        Vendor() as vendor,
        start_gunicorn(folder / "server", at=Address(path=path), **vendor.settings, **env) as gunicorn,
        _nginx(folder / "nginx", path) as front,
    ):
        yield Site(gunicorn.address, front.address, gunicorn, front, vendor)
    assert not vendor.complaints


def start_gunicorn(folder: Path, *, at: Address | None = None, inside: Sequence[str] = (), **env: str) -> Gunicorn:
    """Return Sayna in a folder of its own, at an address or on a free port, once it answers."""
    folder.mkdir()
    address = at or Address(free_port())
    program = Gunicorn(folder, address, env, inside)
    return started(program, lambda: answers(address) and address.ask("GET", "/").status == 200)


def _nginx(folder: Path, upstream: Path) -> Nginx:
    folder.mkdir()
    program = Nginx(folder, upstream)
    return started(program, lambda: answers(program.address))


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """One browser for all tests of a module; each opens its own pages in it."""
    with chromium() as driver:
        yield driver


@pytest.fixture
def browse(driver: webdriver.Chrome) -> Iterator[Browse]:
    """Open a page; fails when it has asked anybody but its server, or when the console has complained."""
    pages: list[Page] = []

    def open_at(url: str) -> Page:
        pages.append(Page(driver, url))
        return pages[-1]

    yield open_at
    for page in pages:
        assert page.strangers() == []
        assert [line for line in page.complaints() if "401" not in line] == []
    driver.get("about:blank")


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Sayna with the tenants a and b, and a LiveKit server, for all tests that leave them as they were."""
    with ExitStack() as stack:
        # So that a busy machine gives no 500: the tests of the limit have studios of their own.
        yield _studio(stack, tmp_path_factory.mktemp("studio"), LIVEKIT_TIMEOUT_SECONDS="30")


@pytest.fixture
def make_studio(tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Start a studio of one's own, to be ill-treated; `unmute` is LiveKit's setting, the rest are Sayna's."""
    with ExitStack() as stack:
        yield lambda unmute=True, **env: _studio(stack, tmp_path, unmute=unmute, **env)


def _studio(stack: ExitStack, folder: Path, *, unmute: bool = True, **env: str) -> Studio:
    address = Address(free_port())
    livekit = LiveKitServer(folder, address.port, unmute=unmute)
    stack.enter_context(started(livekit, lambda: answers(livekit.address)))
    sayna = stack.enter_context(start_gunicorn(folder / "server", at=address, **{**livekit.settings, **env}))
    stack.callback(_closed_cleanly, sayna)
    return Studio(sayna, livekit)


def _closed_cleanly(sayna: Gunicorn) -> None:
    """Stop Sayna; fails when a worker leaves connections or tasks open."""
    sayna.stop()
    for words in ("Unclosed", "Traceback", "never retrieved", "was destroyed", "never awaited"):
        assert words not in sayna.log
