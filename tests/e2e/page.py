"""A real Chromium without a window, and what a test may ask of the page in it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.servers import ROOT, free_port
from tests.programs import needs

SECONDS = 30
HOW = "apt-get install chromium chromium-driver"
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-US")

CONTRAST = Path(__file__).with_name("contrast.js")


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start Chromium and end it with all its children."""
    options = webdriver.ChromeOptions()
    options.binary_location = needs("chromium", HOW)
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # Chromium leaves the folder of its socket behind.
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        service = Service(needs("chromedriver", HOW), port=free_port(), env={**os.environ, "TMPDIR": folder})
        driver = webdriver.Chrome(options, service)
        try:
            yield driver
        finally:
            driver.quit()


class Page:
    """One page of one server."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url
        self.complaints()
        self.requests()
        self.size(1280, 900)
        driver.get(url)

    def one(self, selector: str) -> WebElement:
        """Return the first element that a selector finds."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return every element that a selector finds."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, what: Callable[[], Any], sentence: str) -> Any:
        """Return what a question answers once it is true; it is asked again when the page draws an element anew."""
        wait = WebDriverWait(self.driver, SECONDS, 0.05, [StaleElementReferenceException])
        return wait.until(lambda _: what(), sentence)

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Take the shape of a screen and the taste of its owner."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        taste = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": taste})

    def photograph(self, name: str, width: int, *, dark: bool = False) -> None:
        """Keep a picture of the whole page under artifacts/, for people to look at."""
        self.size(width, 900, dark=dark)
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        self.size(width, height, dark=dark)
        folder = ROOT / "artifacts"
        folder.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(folder / f"{name}.png"))

    def save_downloads_in(self, folder: Path) -> None:
        """Let the browser save files without asking."""
        where = {"behavior": "allow", "downloadPath": str(folder)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)

    def faint(self, least: float) -> dict[str, float]:
        """Return every text that can be seen with less contrast to its ground than WCAG 2 asks for."""
        found: dict[str, float] = self.driver.execute_async_script(CONTRAST.read_text("utf-8"), least)
        return found

    def controls(self) -> list[tuple[str, str]]:
        """Return role and name, as a screen reader has them, of everything that can be worked."""
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        self.driver.execute_cdp_cmd("Accessibility.disable", {})
        seen = [node for node in nodes if not node.get("ignored") and "role" in node]
        told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in seen]
        roles = {"button", "textbox", "searchbox", "combobox", "listbox", "option", "slider", "radio"}
        return [(role, name) for role, name in told if role in roles]

    def complaints(self) -> list[str]:
        """Return what the console has said since it was last asked."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that pages have asked for since it was last asked."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def strangers(self) -> list[str]:
        """Return those of the requests that went anywhere but to the page's own server or into the page."""
        home, inside = urlsplit(self.url)[:2], ("blob:", "data:")
        return [url for url in self.requests() if urlsplit(url)[:2] != home and not url.startswith(inside)]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries
