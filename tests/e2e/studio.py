"""GET /studio as a person has it: the words of the page instead of its markup."""

from pathlib import Path
from typing import Any

import soundfile
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.e2e.page import Page

RAW = {"linear16": "PCM_16", "mulaw": "ULAW", "alaw": "ALAW"}
ENDED = ("done", "failed", "stopped")


class Card:
    """One voice of the page."""

    def __init__(self, studio: "Studio", element: WebElement) -> None:
        self._studio = studio
        self.element = element

    def part(self, name: str) -> WebElement:
        """Return one part of the card by its name in the page."""
        return self.element.find_element("css selector", f'[data-part="{name}"]')

    def fact(self, name: str) -> str:
        """Return what the page itself knows: state, cache, peak, position."""
        return self.element.get_attribute(f"data-{name}") or ""

    def select(self, name: str, text: str) -> None:
        """Choose from one of the menus."""
        Select(self.part(name)).select_by_visible_text(text)

    def voices(self) -> list[str]:
        """Return the names in the list."""
        return [voice.text for voice in self.element.find_elements("css selector", "li strong")]

    def chosen(self) -> str:
        """Return the name of the chosen voice."""
        return self.element.find_element("css selector", 'li[aria-selected="true"] strong').text

    def speak(self) -> None:
        """Press the button and wait until it has been heard, or nothing will be."""
        self.part("play").click()
        self.wait_for(*ENDED)

    def wait_for(self, *states: str) -> None:
        """Wait until the card is in one of these states."""
        self._studio.page.wait(lambda: self.fact("state") in states, f"{self.fact('state')}, not {states}")

    def figures(self) -> dict[str, str]:
        """Return what the last clip took."""
        return {name: self.part(name).text for name in ("cache", "first", "total", "length", "cost")}


class Studio:
    """The page once it has its voices."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def cards(self) -> list[Card]:
        """The cards that can be seen."""
        return [Card(self, element) for element in self.page.all(".card") if element.is_displayed()]

    @property
    def text(self) -> WebElement:
        """The field for what is to be said."""
        return self.page.one("#text")

    def ready(self) -> "Studio":
        """Wait for the voices."""
        self.page.wait(lambda: self.cards and self.cards[0].fact("state"), "the voices are there")
        return self

    def write(self, text: str) -> None:
        """Replace what is to be said."""
        self.text.clear()
        self.text.send_keys(text)

    def code(self, language: str) -> str:
        """Return the same request in a language."""
        self.page.driver.execute_script(
            "arguments[0].click()", self.page.one(f'input[name="code"][value="{language}"]')
        )
        return str(self.page.one("#code").get_attribute("textContent"))


def decoded(path: Path, audio_format: str, rate: int) -> Any:
    """Return the samples of a file of any format of the contract."""
    if audio_format in RAW:
        settings = {"format": "RAW", "subtype": RAW[audio_format], "samplerate": rate, "channels": 1}
        return soundfile.read(path, **settings)[0]
    samples, found = soundfile.read(path)
    assert found == rate
    return samples
