"""GET /docs in a real browser: nothing goes wrong, nothing comes from elsewhere, and answers are heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna.tts.audio import FORMATS
from tests.e2e.browser import Browser, browser
from tests.e2e.conftest import Site, StartNginx, StartServer
from tests.e2e.wire import Address

pytestmark = pytest.mark.e2e
SECRET = "a-secret-of-the-tests"
SPEAK = "#operations-Speech-Speak"
PLAYED = """
const audio = document.querySelector(".player audio");
return audio.play().then(() => new Promise((done) => {
  const tell = () => done([audio.duration, audio.currentTime]);
  audio.ended ? tell() : audio.addEventListener("ended", tell);
}));
"""


@pytest.fixture
def window() -> Iterator[Browser]:
    """A window in which nothing may go wrong."""
    with browser() as window:
        yield window
        assert window.errors() == []


def origin(address: Address) -> str:
    return f"http://127.0.0.1:{address.port}"


def open_speak(window: Browser, url: str) -> None:
    window.open(url)
    window.wait(f"document.querySelector('{SPEAK} button.opblock-summary-control')")
    window.click(f"{SPEAK} button.opblock-summary-control")
    window.wait(f"document.querySelector('{SPEAK} .execute')")


def execute(window: Browser) -> None:
    window.click(f"{SPEAK} .execute")
    window.wait(f"document.querySelector('{SPEAK} .live-responses-table')")


def hear(window: Browser) -> float:
    """Play what came until it ends, and return how long it was in seconds."""
    window.wait("document.querySelector('.player audio')?.duration > 0")
    duration, heard_until = window.run(PLAYED)
    assert heard_until == pytest.approx(duration, abs=0.1)
    return float(duration)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_whole_without_errors_and_without_the_internet(common: Site, scheme: str) -> None:
    with browser(scheme=scheme) as window:
        window.open(f"{origin(common.public)}/docs")
        window.wait("document.querySelectorAll('.opblock').length > 3")
        window.screenshot(f"docs-{scheme}")

        assert window.errors() == []
        asked = window.requested()
        assert f"{origin(common.public)}/openapi.json" in asked
        assert {url for url in asked if not url.startswith(origin(common.public))} == set()
        assert window.run("return document.documentElement.classList.contains('dark-mode')") == (
            scheme == "dark"
        )


def test_a_first_try_is_heard(window: Browser, common: Site) -> None:
    open_speak(window, f"{origin(common.public)}/docs")
    window.write(f"{SPEAK} textarea", '{"text": "Welcome to Sayna", "provider": "espeak"}')
    execute(window)

    assert 0.5 < hear(window) < 3
    window.run("document.querySelector('.player').scrollIntoView({ block: 'center' })")
    window.screenshot("docs-speak")


def test_every_format_is_heard_where_it_was_asked_for(window: Browser, common: Site) -> None:
    open_speak(window, f"{origin(common.public)}/docs")
    for audio_format in FORMATS:
        config = f'{{"provider": "espeak", "audio_format": "{audio_format}"}}'
        window.write(f"{SPEAK} textarea", f'{{"text": "Welcome to Sayna", "tts_config": {config}}}')
        execute(window)
        window.wait(f"document.querySelector('.player .caption')?.innerText.includes('{audio_format}')")
        assert 0.5 < hear(window) < 3


def test_a_token_is_used_and_forgotten(window: Browser, server: StartServer) -> None:
    gunicorn = server(AUTH_REQUIRED="true", AUTH_API_SECRET=SECRET)
    open_speak(window, f"{origin(gunicorn.address)}/docs")
    window.click(".auth-wrapper .authorize")
    window.write("#auth-bearer-value", SECRET)
    window.click(".auth-container form button[type=submit]")
    window.click(".close-modal")
    execute(window)
    hear(window)

    kept = window.run(
        "return JSON.stringify([localStorage, sessionStorage]) + document.cookie + location.href"
    )
    assert SECRET not in kept
    assert SECRET not in gunicorn.log
    open_speak(window, f"{origin(gunicorn.address)}/docs?again")
    execute(window)
    assert "missing_auth_header" in window.run(
        f"return document.querySelector('{SPEAK} .live-responses-table').innerText"
    )
    assert ["401" in complaint for complaint in window.errors()] == [True]


def test_it_works_under_a_prefix_of_a_proxy(
    window: Browser, tmp_path: Path, server: StartServer, nginx: StartNginx
) -> None:
    path = tmp_path / "sayna.sock"
    server(at=Address(path=path))
    front = nginx(path, "/speech/")
    open_speak(window, f"{origin(front.address)}/speech/docs")
    execute(window)

    assert 0.5 < hear(window) < 3
    asked = [url for url in window.requested() if url.startswith("http")]
    assert {url for url in asked if not url.startswith(f"{origin(front.address)}/speech/")} == set()
    assert f"{origin(front.address)}/speech/speak" in asked
