"""GET /studio in a real browser when things are not as they should be, or are many."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.conftest import Browse, StartServer
from tests.e2e.servers import ONE, Gunicorn
from tests.e2e.studio import Studio
from tests.wire import answers
from tests.wire.deepgram import MODELS, DeepgramFake

TONE = b"\x00\x20\x00\xe0" * 12000
KEY = "a-key-of-the-tests"
Open = Callable[[Gunicorn], Studio]


@pytest.fixture
def open_at(browse: Browse) -> Open:
    return lambda gunicorn: Studio(browse(f"http://127.0.0.1:{gunicorn.address.port}/studio"))


@pytest.fixture
def fake() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def vendors(server: StartServer, fake: DeepgramFake) -> Callable[..., Gunicorn]:
    """Start Sayna with a vendor beside the embedded voices."""
    return lambda **env: server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=fake.url, **ONE, **env)


def forgive(studio: Studio, *statuses: str) -> None:
    """Fail when the console has said anything but that the answer had one of these statuses."""
    said = studio.page.complaints()
    assert [line for line in said if not any(status in line for status in statuses)] == []


def test_a_vendor_that_fails_is_told_of_and_the_next_try_is_heard(
    vendors: Callable[..., Gunicorn], fake: DeepgramFake, open_at: Open
) -> None:
    studio = open_at(vendors()).ready()
    card = studio.cards[0]
    card.select("provider", "Deepgram")
    fake.then(answers.status(400))
    card.speak()
    assert card.fact("state") == "failed"
    assert card.part("status").text.startswith("deepgram ")
    assert "CANARY" not in studio.page.driver.page_source
    card.speak()
    assert (card.fact("state"), card.fact("cache")) == ("done", "MISS")
    forgive(studio, "400 (BAD REQUEST)")


def test_a_clip_that_breaks_off_is_never_called_done(
    vendors: Callable[..., Gunicorn], fake: DeepgramFake, open_at: Open
) -> None:
    gunicorn = vendors()
    studio = open_at(gunicorn).ready()
    card = studio.cards[0]
    card.select("provider", "Deepgram")
    [worker] = gunicorn.workers()
    over = threading.Event()
    fake.then(answers.chunked([TONE] * 2, "audio/l16;rate=24000;channels=1", wait=lambda: over.wait(20)))
    card.part("play").click()
    studio.page.wait(lambda: float(card.fact("position") or 0) > 0.2, "the beginning was heard")
    os.kill(worker, signal.SIGKILL)
    card.wait_for("failed")
    over.set()
    assert card.part("status").text == "The server cannot be reached, or it broke off."
    assert card.fact("cache") == ""
    studio.page.wait(lambda: gunicorn.workers() not in ([], [worker]), "another worker has taken over")
    card.speak()
    assert card.fact("state") == "done"
    forgive(studio, "ERR_INCOMPLETE_CHUNKED_ENCODING")


def test_without_a_key_nothing_is_offered_that_cannot_work_yet(server: StartServer, open_at: Open) -> None:
    studio = open_at(server(AUTH_REQUIRED="true", AUTH_API_SECRET=KEY, **ONE))
    page = studio.page
    page.wait(lambda: page.one("#key-form").is_displayed(), "the page asks for a key")
    assert not page.one("#code-panel").is_displayed()
    assert not page.one("#compare").is_displayed()
    page.one("#key").send_keys(KEY, Keys.ENTER)
    studio.ready()
    assert page.one("#code-panel").is_displayed()
    assert page.one("#compare").is_displayed()


def test_the_chosen_voice_is_in_the_list_however_many_there_are(
    vendors: Callable[..., Gunicorn], fake: DeepgramFake, open_at: Open
) -> None:
    model = {**MODELS["tts"][1], "languages": ["en"]}
    many = [{**model, "name": f"voice {n}", "canonical_name": f"aura-2-{n}-en"} for n in range(400)]
    mine = {**many[-1], "name": "mine", "canonical_name": "aura-2-mine-en", "languages": ["en-US"]}
    fake.models = {"tts": [*many, mine]}
    studio = open_at(vendors()).ready()
    card = studio.cards[0]
    card.select("provider", "Deepgram")
    assert card.chosen().lower() == "mine"
    assert '"voice_id":"aura-2-mine-en"' in studio.code("curl")
    assert card.part("found").text == "The first 300 of 401 voices; type to find the others."
    card.part("search").send_keys("voice 399")
    assert [name.lower() for name in card.voices()] == ["voice 399"]


def test_a_word_that_no_voice_of_the_language_has_is_looked_for_in_all(server: StartServer, open_at: Open) -> None:
    studio = open_at(server(**ONE)).ready()
    card = studio.cards[0]
    card.part("search").send_keys("esperanto")
    assert card.part("found").text == "No voice is like this."
    card.part("widen").click()
    assert card.voices() == ["Esperanto"]
    assert not card.part("widen").is_displayed()
    assert '"voice_id":"art/eo"' in studio.code("curl")
    card.part("search").send_keys(" in nobody's words")
    assert card.voices() == []
    assert not card.part("widen").is_displayed()


def test_a_long_text_scrolls_in_its_own_field_and_is_refused_in_words(server: StartServer, open_at: Open) -> None:
    studio = open_at(server(**ONE)).ready()
    write = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    studio.page.driver.execute_script(write, studio.text, "word " * 1300)
    assert studio.page.one("#count").text == "6500 characters"
    assert studio.text.rect["height"] < 450
    assert studio.page.one("#code").find_element("xpath", "..").rect["height"] < 450
    studio.cards[0].speak()
    assert studio.cards[0].part("status").text == "text has 6500 characters; send at most 5000"
    forgive(studio, "400 (BAD REQUEST)")


@pytest.mark.parametrize(("page", "other"), [("studio", "docs"), ("docs", "studio")])
@pytest.mark.parametrize("enabled", [True, False])
def test_no_link_leads_to_a_page_that_is_switched_off(
    server: StartServer, browse: Browse, page: str, other: str, enabled: bool
) -> None:
    setting = {"docs": "API_DOCS_ENABLED", "studio": "STUDIO_ENABLED"}[other]
    port = server(**{setting: str(enabled).lower()}, **ONE).address.port
    shown = browse(f"http://127.0.0.1:{port}/{page}")
    assert len(shown.all(f'a.link[href="{other}"]')) == enabled


def test_studio_says_that_the_key_of_the_server_was_refused(
    vendors: Callable[..., Gunicorn], fake: DeepgramFake, open_at: Open
) -> None:
    fake.then(answers.status(401))
    studio = open_at(vendors()).ready()
    assert "the server's key for deepgram was refused" in studio.page.one("#notice").text
    forgive(studio, "500 (INTERNAL SERVER ERROR)")


def test_studio_says_that_no_provider_is_usable(server: StartServer, open_at: Open) -> None:
    studio = open_at(server(ESPEAK_ENABLED="false", **ONE))
    said = studio.page.one("#notice")
    studio.page.wait(lambda: said.text.startswith("This server has no voice"), "the page says why it is empty")
    assert not studio.page.one("#cards").is_displayed()
    assert not studio.page.one("#code-panel").is_displayed()
