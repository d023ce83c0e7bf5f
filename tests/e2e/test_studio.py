"""GET /studio in a real browser: what a person does there, and what the page does for it."""

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.e2e.conftest import Browse, StartServer
from tests.e2e.servers import ONE, Gunicorn, free_port, started, started_below
from tests.e2e.servers import answers as listens
from tests.e2e.studio import Studio, decoded
from tests.e2e.watching import reload, told, watch
from tests.e2e.wire import Address
from tests.programs import needs
from tests.wire import answers
from tests.wire.deepgram import MODELS, DeepgramFake

KEY = "a-key-of-the-tests"
LONG = "One sentence follows the other. " * 40
STATES = "[...document.querySelectorAll('.card')].map((card) => card.dataset.state).join()"
HEARD = """[
  document.querySelector(".card").dataset.state,
  document.querySelector(".card [data-part=play-label]").textContent,
  document.querySelector(".card").dataset.position,
].join(" ")"""
HOSTILE = "<img src=x onerror=alert(1)>"
ENDINGS = {"mp3": "mp3", "wav": "wav", "opus": "ogg", "flac": "flac", "linear16": "pcm", "mulaw": "ulaw"}
Visit = Callable[[str], Studio]


@pytest.fixture
def visit(browse: Browse) -> Visit:
    return lambda root: Studio(browse(f"{root}/studio"))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has nothing but the embedded voices; its cache remembers what tests have said."""
    address = Address(free_port())
    gunicorn = Gunicorn(tmp_path_factory.mktemp("studio"), address, ONE)
    with started(gunicorn, lambda: listens(address)):
        yield root(address)


@pytest.fixture
def studio(embedded: str, visit: Visit) -> Studio:
    return visit(embedded).ready()


def root(address: Address) -> str:
    return f"http://127.0.0.1:{address.port}"


def test_a_voice_is_found_and_heard_and_the_second_time_it_was_cached(studio: Studio) -> None:
    card = studio.cards[0]
    card.part("search").send_keys("scot british")
    studio.page.one(".card li").click()
    assert card.voices() == ["English (Scotland)"]
    studio.write("Hear me twice.")

    card.part("play").click()
    studio.page.wait(lambda: float(card.fact("position") or 0) > 0.2, "some of it was heard")
    card.wait_for("done")
    first = card.figures()
    assert float(card.fact("peak")) > 0.1
    assert (card.fact("cache"), first["cache"], first["cost"]) == ("MISS", "New", "Free")
    assert first["first"].endswith(" ms")
    assert first["total"].endswith(" ms")
    assert 0.5 < float(first["length"].removesuffix(" s")) < 5

    card.speak()
    again = card.figures()
    assert (card.fact("cache"), again["cache"], again["cost"]) == ("HIT", "Cached", "Free")
    assert again["length"] == first["length"]
    assert "was cached" in card.part("status").text


def test_speech_is_heard_before_the_vendor_has_made_the_last_of_it(server: StartServer, visit: Visit) -> None:
    go_on = threading.Event()
    tone = [b"\x00\x20\x00\xe0" * 12000] * 3
    with DeepgramFake() as fake:
        studio = visit(root(server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=fake.url, **ONE).address)).ready()
        card = studio.cards[0]
        card.select("provider", "Deepgram")
        fake.then(answers.chunked(tone, "audio/l16;rate=24000;channels=1", wait=lambda: go_on.wait(20)))
        card.part("play").click()
        studio.page.wait(lambda: float(card.fact("position") or 0) > 0.2, "the beginning was heard")
        assert (card.fact("state"), go_on.is_set(), card.fact("cache")) == ("playing", False, "")
        go_on.set()
        card.wait_for("done")
    assert (card.fact("cache"), card.figures()["length"]) == ("MISS", "3.0 s")


def test_everything_can_be_done_with_the_keyboard_alone(studio: Studio) -> None:
    page, card = studio.page, studio.cards[0]
    active = "return document.activeElement"
    page.keys(Keys.TAB)
    assert page.driver.execute_script(f"{active}.hash") == "#text"
    page.keys(Keys.ENTER, Keys.TAB)
    reached = []
    for _ in range(60):
        element = page.driver.execute_script(active)
        reached.append(element.get_attribute("id") or element.get_attribute("data-part") or element.tag_name)
        outline = element.value_of_css_property("outline-style")
        assert outline != "none" or element.get_attribute("type") == "radio", reached[-1]
        page.keys(Keys.TAB)
        if reached[-1] == "copy":
            break
    choosing, hearing = (
        ["provider", "language", "voice-a-search"],
        ["voice-a-rate", "play", "system"],
    )
    expected = ["compare", *choosing, *hearing, "save", "system", "copy"]
    assert [name for name in reached if name in expected] == expected

    studio.write(LONG)
    card.part("search").send_keys("")
    before = card.chosen()
    page.keys(Keys.ARROW_UP)
    assert card.chosen() != before
    assert card.part("search").get_attribute("aria-activedescendant")
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    card.wait_for("playing")
    page.keys(Keys.ESCAPE)
    card.wait_for("stopped")


def test_two_voices_are_heard_one_after_the_other(studio: Studio) -> None:
    studio.write("Which of us?")
    studio.page.one("#compare").click()
    one, other = studio.cards
    assert one.chosen() != other.chosen()
    assert one.element.rect["y"] == other.element.rect["y"]

    watch(studio.page, STATES)
    studio.page.one("#both").click()
    other.wait_for("done")
    states = [state.split(",") for state in told(studio.page)]
    assert {first for first, second in states if second in ("waiting", "playing")} == {"done"}
    assert (one.fact("cache"), other.fact("cache")) == ("MISS", "MISS")
    assert other.figures()["cost"] == "Free"


@pytest.mark.parametrize("audio_format", ENDINGS)
def test_a_clip_is_saved_in_any_format(studio: Studio, tmp_path: Path, audio_format: str) -> None:
    card = studio.cards[0]
    studio.page.save_downloads_in(tmp_path)
    path = tmp_path / f"good-morning-you-have-reached-sayna-how-.{ENDINGS[audio_format]}".replace("-.", ".")
    card.select("system", "Other ...")
    studio.page.driver.execute_script(
        "const menu = arguments[0]; menu.value = arguments[1]; menu.dispatchEvent(new Event('change'))",
        card.part("format"),
        audio_format,
    )
    card.part("save").click()
    studio.page.wait(path.exists, card.part("saved").text)

    samples = decoded(path, audio_format, 8000 if audio_format == "mulaw" else 24000)
    assert len(samples) > 8000
    assert abs(samples).max() > 0.1
    assert card.part("saved").text.startswith(f"Saved {path.name}: ")


@pytest.mark.parametrize("language", ["curl", "javascript", "python"])
def test_the_same_request_runs_as_code(server: StartServer, visit: Visit, tmp_path: Path, language: str) -> None:
    studio = visit(root(server(AUTH_REQUIRED="true", AUTH_API_SECRET=KEY, **ONE).address))
    enter(studio, KEY)
    studio.ready().write('It\'s "quoted", $HOME and `ls` \\ too: ä 😀')
    code = studio.code(language)
    argv = {
        "curl": ["sh", "-c", code],
        "javascript": [needs("node", "apt-get install nodejs"), "--input-type=module", "-e", code],
        "python": [sys.executable, "-c", code],
    }[language]

    ran = subprocess.run(
        argv,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SAYNA_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert language == "curl" or not ran.stderr
    assert abs(decoded(tmp_path / "speech.mp3", "mp3", 24000)).max() > 0.1
    assert KEY not in code


def test_editing_forgets_what_was_heard(studio: Studio) -> None:
    card = studio.cards[0]
    studio.write("Once.")
    card.speak()
    assert card.figures()["length"].endswith(" s")
    studio.text.send_keys(" And more.")
    assert {len(figure) for figure in card.figures().values()} == {1}
    assert (card.fact("state"), card.part("status").text) == ("idle", "Ready.")
    assert not card.part("seek").is_enabled()


def test_vendor_is_paid_once_and_the_page_says_so(server: StartServer, visit: Visit) -> None:
    with DeepgramFake() as fake:
        studio = visit(root(server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=fake.url, **ONE).address)).ready()
        card = studio.cards[0]
        card.select("provider", "Deepgram")
        studio.write("Hear me twice.")
        card.speak()
        assert card.figures()["cost"] == "14 characters"
        card.speak()
        assert card.figures()["cost"] == "0 characters"
        assert len([hit for hit in fake.hits if hit.path == "/v1/speak"]) == 1


def test_what_was_heard_is_heard_again_from_the_middle(studio: Studio) -> None:
    card = studio.cards[0]
    card.speak()
    seconds = float(card.figures()["length"].removesuffix(" s"))
    Select(card.part("pace")).select_by_value("0.5")
    watch(studio.page, HEARD)
    seek = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    studio.page.driver.execute_script(seek, card.part("seek"), seconds / 2)
    studio.page.wait(lambda: any(each.startswith("playing Stop ") for each in told(studio.page)), "it is heard")
    card.wait_for("done")
    heard = [float(each.split()[2]) for each in told(studio.page) if each.startswith("playing Stop ")]
    assert seconds * 0.4 < min(heard) < seconds * 0.9


def test_what_was_made_is_played_again_after_a_reload(embedded: str, visit: Visit) -> None:
    studio = visit(embedded).ready()
    studio.write("Remember this.")
    studio.cards[0].speak()
    reload(studio.page)
    studio.ready()
    first = studio.page.one("#history li")
    assert first.text.startswith("Remember this.")
    studio.write("Something else.")
    first.find_element("xpath", ".//button[text()='Use again']").click()
    assert studio.text.get_attribute("value") == "Remember this."
    watch(studio.page, "document.querySelector('#history li button')?.textContent")
    studio.page.one("#history li button").click()
    studio.page.wait(lambda: told(studio.page) == ["Play", "Stop", "Play"], "it has begun and ended")
    assert studio.page.one("#replayed").text == ""
    studio.page.one("#forget").click()
    assert not studio.page.one("#history-panel").is_displayed()


def test_a_word_is_corrected_and_a_setting_of_the_vendor_is_sent(studio: Studio) -> None:
    card = studio.cards[0]
    for fold in studio.page.all("summary")[:2]:
        fold.click()
    studio.page.one("#add-word").click()
    word, sound = studio.page.all("#pronunciations input")
    word.send_keys("SQL")
    sound.send_keys("sequel")
    card.element.find_element("name", "pitch").send_keys("80")
    studio.write("SQL")
    code = studio.code("curl")
    assert '"pronunciations":[{"word":"SQL","pronunciation":"sequel"}]' in code
    assert '"voice_settings":{"pitch":80}' in code
    card.speak()
    assert card.fact("state") == "done"
    watch(studio.page, STATES)
    studio.page.one("#pronunciations button").click()
    studio.page.wait(lambda: any(each.startswith("playing") for each in told(studio.page)), "it is heard")
    card.wait_for("done")
    studio.page.driver.execute_script("localStorage.clear()")


def test_pauses_and_digits_are_spoken_as_marked(studio: Studio) -> None:
    card, page = studio.cards[0], studio.page
    studio.write("Room 12")
    card.speak()
    plain = float(card.figures()["length"].removesuffix(" s"))
    page.driver.execute_script("arguments[0].setSelectionRange(5, 7)", studio.text)
    Select(page.one("#say-as")).select_by_value("digits")
    page.one("#pause").click()
    studio.text.send_keys("[pause 2 s] & <go>")
    assert studio.text.get_attribute("value") == "Room [digits: 12] [pause 0.5 s] [pause 2 s] & <go>"
    assert '"markup":"ssml"' in studio.code("curl")
    card.speak()
    assert card.fact("state") == "done", card.part("status").text
    assert float(card.figures()["length"].removesuffix(" s")) > plain + 2.5
    assert page.one("#history li").text.startswith("Room [digits: 12]")


def test_voices_are_found_by_country_and_gender(server: StartServer, visit: Visit) -> None:
    with DeepgramFake() as fake:
        studio = visit(root(server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=fake.url, **ONE).address)).ready()
    card = studio.cards[0]
    card.select("provider", "Deepgram")
    for words, names in (("united states woman", ["Thalia"]), ("male", ["Apollo"]), ("english", ["Thalia", "Apollo"])):
        card.part("search").clear()
        card.part("search").send_keys(words)
        assert [name.title() for name in card.voices()] == names
    card.part("search").clear()
    card.part("search").send_keys("thalia")
    assert card.part("sample").get_attribute("href") == "https://static.example/thalia.wav"


def test_a_voice_of_the_server_speaks_with_what_can(server: StartServer, visit: Visit, tmp_path: Path) -> None:
    own = tmp_path / "voices.yaml"
    own.write_text("reception:\n- provider: deepgram\n- {provider: espeak, voice_id: gmw/en-US}\n")
    with DeepgramFake() as fake:
        settings = {"DEEPGRAM_API_KEY": "good", "DEEPGRAM_BASE_URL": fake.url, "VOICES_PATH": str(own)}
        studio = visit(root(server(**settings, **ONE).address)).ready()
        card = studio.cards[0]
        card.select("provider", "Voices of this server")
        assert card.voices() == ["reception"]
        assert card.element.find_element("css selector", "li span").text.endswith("deepgram, then espeak")
        assert '"voice":"reception"' in studio.code("curl")
        assert not card.part("more").is_displayed()
        fake.then(answers.whole(b"no", "text/plain", 500))
        card.speak()
    assert card.part("status").text == "Done. eSpeak NG (built in) spoke, because deepgram did not."
    assert card.figures()["cost"] == "Free"


@pytest.mark.parametrize("scrolled", [0, 400])
def test_speak_is_in_reach_on_a_phone(studio: Studio, scrolled: int) -> None:
    studio.page.size(390, 844)
    studio.page.driver.execute_script("scrollTo(0, arguments[0])", scrolled)
    bottom = "return arguments[0].getBoundingClientRect().bottom"
    assert studio.page.driver.execute_script(bottom, studio.cards[0].part("play")) < 844


def test_the_code_is_copied_as_it_stands(studio: Studio) -> None:
    page = studio.page
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    code = studio.code("python")
    page.one("#copy").click()
    page.wait(lambda: page.one("#copied").text == "Copied.", "it says so")
    assert page.driver.execute_script("return navigator.clipboard.readText()") == code


def test_the_speech_is_copied_as_a_url_for_a_telephone_system(studio: Studio) -> None:
    page = studio.page
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    studio.write("Please hold the line.")
    Select(page.one("#system")).select_by_visible_text("Carriers, µ-law")
    Select(page.one("#expiry")).select_by_visible_text("for ever")
    page.one("#mint").click()
    page.wait(lambda: page.one("#minted").text.startswith("Copied."), "it says so")

    url = page.one("#clip-url").text
    assert page.one("#minted").text.endswith("It plays for ever.")
    assert page.driver.execute_script("return navigator.clipboard.readText()") == url
    with urllib.request.urlopen(url, timeout=30) as played:
        assert played.headers["Content-Type"] == "audio/basic"
        assert len(played.read()) > 8000


def enter(studio: Studio, key: str) -> None:
    studio.page.wait(lambda: studio.page.one("#key-form").is_displayed(), "the page asks for a key")
    studio.page.one("#key").send_keys(key, Keys.ENTER)


def test_a_key_is_asked_for_and_kept_nowhere(server: StartServer, visit: Visit) -> None:
    studio = visit(root(server(AUTH_REQUIRED="true", AUTH_API_SECRET=KEY, **ONE).address))
    page = studio.page
    enter(studio, "wrong")
    page.wait(lambda: "refused" in page.one("#key-help").text, "a wrong key is refused")
    enter(studio, KEY)
    studio.ready().cards[0].speak()
    assert studio.cards[0].fact("state") == "done"
    assert not page.one("#key-form").is_displayed()
    kept = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    assert KEY not in page.driver.execute_script(kept)
    assert KEY not in page.driver.page_source

    reload(page)
    page.wait(lambda: page.one("#key-form").is_displayed(), "a new page knows no key")


def test_it_works_under_a_prefix_of_a_proxy(tmp_path: Path, server: StartServer, visit: Visit) -> None:
    upstream = tmp_path / "sayna.sock"
    server(at=Address(path=upstream), **ONE)
    folder = tmp_path / "nginx"
    folder.mkdir()
    with started_below("/speech/", folder, upstream) as nginx:
        studio = visit(f"{root(nginx.address)}/speech").ready()
        studio.write("Below.")
        studio.cards[0].speak()
        assert studio.cards[0].fact("state") == "done"
        assert f"'{root(nginx.address)}/speech/speak'" in studio.code("curl")


def test_the_words_of_a_vendor_stay_words(server: StartServer, visit: Visit) -> None:
    model = {**MODELS["tts"][0], "name": HOSTILE, "metadata": {"accent": HOSTILE, "tags": ["feminine"]}}
    with DeepgramFake() as fake:
        fake.models = {"tts": [model]}
        studio = visit(root(server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=fake.url, **ONE).address)).ready()
        studio.cards[0].select("provider", "Deepgram")
        assert studio.cards[0].voices() == [HOSTILE]
    assert studio.page.all(".card img") == []


def test_a_vendor_that_lists_no_voice_speaks_with_its_own(server: StartServer, visit: Visit) -> None:
    with DeepgramFake() as fake:
        fake.models = {"tts": []}
        settings = {"DEEPGRAM_API_KEY": "good", "DEEPGRAM_BASE_URL": fake.url}
        studio = visit(root(server(**settings, **ONE).address)).ready()
        studio.cards[0].select("provider", "Deepgram")
        assert studio.cards[0].voices() == []
        assert "voice_id" not in studio.code("curl")
        studio.cards[0].speak()
        assert studio.cards[0].fact("state") == "done"
        assert fake.hits[-1].params["model"] == "aura-2-thalia-en"


def test_without_any_vendor_what_is_built_in_still_speaks(server: StartServer, visit: Visit) -> None:
    with DeepgramFake() as fake:
        settings = {"DEEPGRAM_API_KEY": "bad", "DEEPGRAM_BASE_URL": fake.url}
        studio = visit(root(server(**settings, **ONE).address)).ready()
    assert studio.page.one("#notice").text.startswith("No list came from any vendor: ")
    studio.cards[0].speak()
    assert studio.cards[0].fact("state") == "done"
    assert [line for line in studio.page.complaints() if "500 (INTERNAL" not in line] == []


def test_a_refusal_is_shown_in_the_servers_words(studio: Studio) -> None:
    studio.write("   ")
    studio.cards[0].speak()
    assert studio.cards[0].fact("state") == "failed"
    assert studio.cards[0].part("status").text == "there is nothing to say in this text; send letters, digits or signs"
    assert [line for line in studio.page.complaints() if "400 (BAD REQUEST)" not in line] == []


def test_everything_that_can_be_worked_has_a_name(studio: Studio) -> None:
    studio.page.one("#compare").click()
    nameless = [role for role, name in studio.page.controls() if not name]
    assert nameless == []
    assert len(studio.page.controls()) > 30


@pytest.mark.parametrize("comparing", [False, True])
def test_the_smallest_phone_needs_no_sideways_scrolling(studio: Studio, comparing: bool) -> None:
    if comparing:
        studio.page.one("#compare").click()
    studio.page.size(320, 640)
    studio.cards[0].speak()
    right = "each.getBoundingClientRect().right"
    wide = f"return [...document.querySelectorAll('body *')].filter(each => {right} > innerWidth)"
    assert studio.page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert studio.page.driver.execute_script(wide) == []


def test_pictures_are_kept_for_people_to_look_at(studio: Studio) -> None:
    page, card = studio.page, studio.cards[0]
    card.speak()
    page.photograph("studio-light", 1280)
    assert page.faint(4.5) == {}
    page.photograph("studio-phone", 390)
    page.one("#compare").click()
    card.part("play").click()
    page.wait(lambda: float(card.fact("position") or 0) > 1, "the picture shows speech")
    page.photograph("studio-dark-compare", 1280, dark=True)
    assert page.faint(4.5) == {}
    page.photograph("studio-dark-phone", 390, dark=True)
