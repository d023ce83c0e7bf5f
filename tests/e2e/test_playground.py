"""GET /docs in a real browser: nothing goes wrong, nothing comes from elsewhere, and answers are heard."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sayna.audio import FORMATS
from tests.e2e.conftest import Browse, Site, StartServer
from tests.e2e.page import Page
from tests.e2e.servers import ONE, started_below
from tests.e2e.wire import Address

SECRET = "a-secret-of-the-tests"
SPEAK = "#operations-Speech-Speak"
# Typing letter by letter takes the playground many seconds, as it draws everything anew for each.
PASTE = """
const field = document.querySelector(arguments[0]);
field.focus();
field.select();
document.execCommand("insertText", false, arguments[1]);
"""
LISTEN = """
const [audio, done] = [document.querySelector(".player audio"), arguments[0]];
audio.playbackRate = 4;
const tell = () => done([audio.duration, audio.currentTime]);
audio.addEventListener("ended", tell);
audio.play().catch((error) => done(String(error)));
"""
Visit = Callable[[str], "Playground"]


class Playground:
    """The page, and POST /speak opened in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.driver.set_script_timeout(30)
        page.wait(lambda: page.all(f"{SPEAK} .opblock-summary-control"), "the document is shown")

    def open_speak(self) -> None:
        """Show the form of POST /speak."""
        self.page.one(f"{SPEAK} .opblock-summary-control").click()
        self.page.wait(lambda: self.page.all(f"{SPEAK} .execute"), "the form is there")
        self.page.wait(lambda: self.page.one(f"{SPEAK} textarea").get_attribute("value"), "it has an example")

    def body(self, **body: object) -> None:
        """Write a request."""
        self.page.driver.execute_script(PASTE, f"{SPEAK} textarea", json.dumps(body))
        field = f"{SPEAK} textarea"
        self.page.wait(lambda: self.page.one(field).get_attribute("value") == json.dumps(body), "it is written")

    def execute(self, words: str) -> None:
        """Send it and wait for an answer with these words."""
        answer, clear = f"{SPEAK} .live-responses-table", f"{SPEAK} .btn-clear"
        if self.page.all(clear):
            self.page.one(clear).click()
            self.page.wait(lambda: not self.page.all(answer), "the answer before is gone")
        self.page.one(f"{SPEAK} .execute").click()
        self.page.wait(lambda: words in self.page.one(answer).text, f"there is an answer with {words}")

    def hear(self) -> float:
        """Play what came until it ends, and return its seconds."""
        page = self.page
        page.wait(lambda: page.all(".player audio"), "there is a player")
        heard = page.driver.execute_async_script(LISTEN)
        assert isinstance(heard, list), heard
        assert heard[1] == pytest.approx(heard[0], abs=0.1)
        return float(heard[0])


@pytest.fixture
def visit(browse: Browse) -> Visit:
    return lambda root: Playground(browse(f"{root}/docs"))


def root(address: Address) -> str:
    return f"http://127.0.0.1:{address.port}"


def test_it_is_whole_in_light_and_in_dark(common: Site, visit: Visit) -> None:
    page = visit(root(common.public)).page
    for dark in (False, True):
        page.photograph("docs-dark" if dark else "docs", 1280, dark=dark)
        await_taste(page, dark=dark)
    page.photograph("docs-phone", 390)
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.driver.execute_script(overflow) == 0


def await_taste(page: Page, *, dark: bool) -> None:
    """Wait until the page has the colours that the screen asks for."""
    classes = "return [...document.documentElement.classList]"
    page.wait(lambda: ("dark-mode" in page.driver.execute_script(classes)) == dark, "it is dark where it must be")


def test_a_first_try_is_heard(common: Site, visit: Visit) -> None:
    playground = visit(root(common.public))
    playground.open_speak()
    playground.body(text="Welcome to Sayna", provider="espeak")
    playground.execute('"content_type": "audio/wav"')

    assert 0.5 < playground.hear() < 3
    playground.page.photograph("docs-speak", 1280)


def test_everything_can_be_read_on_every_screen(common: Site, visit: Visit) -> None:
    playground = visit(root(common.public))
    page = playground.page
    playground.open_speak()
    playground.execute('"content_type"')
    for dark in (False, True):
        page.size(1280, 900, dark=dark)
        await_taste(page, dark=dark)
        assert page.faint(4.5) == {}
    page.size(390, 844)
    sideways = "const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth > clientWidth"
    assert not page.driver.execute_script(sideways)
    page.photograph("docs-speak-phone", 390)


def test_every_format_is_heard_where_it_was_asked_for(common: Site, visit: Visit) -> None:
    playground = visit(root(common.public))
    playground.open_speak()
    for audio_format in FORMATS:
        config = {"provider": "espeak", "audio_format": audio_format}
        playground.body(text="Welcome to Sayna", tts_config=config)
        playground.execute(f" {audio_format} ")
        assert 0.5 < playground.hear() < 3


def test_a_token_is_used_and_forgotten(server: StartServer, visit: Visit) -> None:
    gunicorn = server(AUTH_REQUIRED="true", AUTH_API_SECRET=SECRET, **ONE)
    playground = visit(root(gunicorn.address))
    page = playground.page
    page.one(".auth-wrapper .authorize").click()
    page.wait(lambda: page.all("#auth-bearer-value"), "it asks for a token")
    page.driver.execute_script(PASTE, "#auth-bearer-value", SECRET)
    page.one(".auth-container form button[type=submit]").click()
    page.wait(lambda: "Logout" in page.one(".auth-container").text, "the token is taken")
    page.one(".close-modal").click()
    page.wait(lambda: not page.all(".dialog-ux"), "the form is closed")
    playground.open_speak()
    playground.execute('"content_type"')
    playground.hear()

    kept = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    assert SECRET not in page.driver.execute_script(kept)
    assert SECRET not in gunicorn.log
    again = visit(root(gunicorn.address))
    again.open_speak()
    again.execute("missing_auth_header")


def test_it_works_under_a_prefix_of_a_proxy(tmp_path: Path, server: StartServer, visit: Visit) -> None:
    upstream = tmp_path / "sayna.sock"
    server(at=Address(path=upstream), **ONE)
    folder = tmp_path / "nginx"
    folder.mkdir()
    with started_below("/speech/", folder, upstream) as nginx:
        playground = visit(f"{root(nginx.address)}/speech")
        playground.open_speak()
        playground.execute('"content_type"')
        asked = playground.page.one(f"{SPEAK} .request-url").text
        assert asked.endswith(f"{root(nginx.address)}/speech/speak")
        assert 0.5 < playground.hear() < 3
