"""A headless Chromium, driven over WebDriver (www.w3.org/TR/webdriver2) as by a person."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.e2e.program import Program, until
from tests.e2e.servers import answers, free_port, started
from tests.e2e.wire import Address
from tests.programs import needs

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
GET_IT = "apt-get install chromium chromium-driver"
SCREENSHOTS = Path(__file__).resolve().parents[2] / "artifacts"
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


class Browser:
    """One window; its cookies, cache and storage are its own."""

    def __init__(self, driver: Address, folder: Path, width: int, height: int, scheme: str) -> None:
        self._driver = driver
        look = ["--force-dark-mode"] if scheme == "dark" else []
        options = {
            "binary": needs("chromium", GET_IT),
            "args": [*ARGUMENTS, *look, f"--window-size={width},{height}", f"--user-data-dir={folder}"],
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._base = ""
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base = f"/session/{session['sessionId']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call("DELETE", "")

    def open(self, url: str) -> None:
        """Load a page."""
        self._call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script in the page returns; a promise is waited for."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, expression: str, seconds: float = 20) -> Any:
        """Return the value of an expression once it is true."""
        found: list[Any] = []

        def look() -> bool:
            found.append(self.run(f"return {expression}"))
            return bool(found[-1])

        until(look, seconds, expression)
        return found[-1]

    def click(self, selector: str) -> None:
        """Click, as a mouse does: what is covered cannot be clicked."""
        self._call("POST", f"/element/{self._find(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        """Paste a text over what is in a field; typing letter by letter takes the playground many seconds."""
        self.run(
            "const field = document.querySelector(arguments[0]); field.focus(); field.select();"
            "document.execCommand('insertText', false, arguments[1]);",
            selector,
            text,
        )

    def errors(self) -> list[str]:
        """Return what the console says is wrong since it was last asked."""
        entries = self._call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def requested(self) -> list[str]:
        """Return the addresses that were asked for since it was last asked, but for the browser's own."""
        entries = self._call("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        asked = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        urls = [message["params"]["request"]["url"] for message in asked]
        return [url for url in urls if urlsplit(url).scheme not in ("data", "blob", "chrome")]

    def screenshot(self, name: str) -> Path:
        """Keep what is seen as artifacts/<name>.png, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))
        return path

    def _find(self, selector: str) -> str:
        found: dict[str, str] = self._call("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._driver.ask(method, self._base + path, body, Host="127.0.0.1")
        value = answer.json()["value"]
        assert answer.status == 200, f"{path}: {value.get('error')}: {value.get('message', '')[:500]}"
        return value


@contextmanager
def browser(width: int = 1280, height: int = 1000, scheme: str = "light") -> Iterator[Browser]:
    """Give a window of this size, in a light or a dark room."""
    program = needs("chromedriver", GET_IT)
    address = Address(free_port())
    # Chromium keeps sockets in its folder, and their names are short; pytest's folders are deep.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="window-", ignore_cleanup_errors=True)))
        env = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
        argv = [program, f"--port={address.port}", "--log-level=WARNING"]
        driver = Program(argv, cwd=folder, env=env, log=folder / "chromedriver.log")
        stack.enter_context(started(driver, lambda: answers(address)))
        yield stack.enter_context(Browser(address, folder / "profile", width, height, scheme))
