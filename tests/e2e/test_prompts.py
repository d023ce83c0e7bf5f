"""A list of 412 prompts as a person has it: mistakes first, then killed in the middle, then finished."""

import io
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import soundfile
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.e2e.conftest import Browse, StartServer
from tests.e2e.page import Page
from tests.e2e.program import until
from tests.e2e.servers import ONE, ROOT
from tests.e2e.watching import reload
from tests.e2e.wire import Address
from tests.wire.deepgram import DeepgramFake
from tests.wire.hit import Hit
from tests.wire.server import Answer, Exchange

PROMPTS = 412
AT_ONCE = 4  # requests of the command, and of the page
SECONDS = 240  # that a list may take on a busy machine
pytestmark = pytest.mark.timeout(4 * SECONDS)


class Stuck(DeepgramFake):
    """Deepgram that says so many texts, and the others when it goes on."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.waiting: list[Hit] = []
        self.goes_on = threading.Event()

    @property
    def asked(self) -> int:
        """How many texts it was asked to say."""
        return sum(hit.path == "/v1/speak" for hit in self.hits)

    def answer(self, hit: Hit) -> Answer:
        """Return speech, or speech that comes late."""
        spoken = super().answer(hit)
        if self.asked <= self.most:
            return spoken

        def late(exchange: Exchange) -> None:
            self.waiting.append(hit)
            while not self.goes_on.is_set():
                exchange.pause(0.05)
            spoken(exchange)

        return late


def prompts(mistakes: int = 0) -> str:
    """Return a list as CSV; so many of its rows have a speed that no voice has."""
    wrong = set(range(10, 10 + 30 * mistakes, 30))
    rows = [f"menu/{n},Prompt number {n} of the menu,{'9' if n in wrong else ''}" for n in range(PROMPTS)]
    return "\n".join(["name,text,speaking_rate", *rows, ""])


def warm(folder: Path, deepgram: DeepgramFake, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command in a folder with this vendor."""
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "CACHE_PATH": str(folder / "cache"),
        "LOG_LEVEL": "CRITICAL",
        "DEEPGRAM_API_KEY": "good",
        "DEEPGRAM_BASE_URL": deepgram.url,
    }
    argv = [sys.executable, "-m", "flask", "--app", "wsgi", "warm", "prompts.csv", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=folder, env=settings, stdout=pipe, stderr=pipe, text=True)


def run(folder: Path, deepgram: DeepgramFake, *arguments: str) -> tuple[int, str, str]:
    with warm(folder, deepgram, *arguments) as process:
        output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output, errors


def test_list_of_412_prompts_survives_kill_and_is_paid_once(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    (tmp_path / "cache").mkdir(mode=0o700)
    path.write_text(prompts(mistakes=12))
    with Stuck(PROMPTS // 3) as deepgram:
        code, _, errors = run(tmp_path, deepgram, "--yes")
        told = [line for line in errors.splitlines() if line.startswith("prompts.csv, line ")]
        assert (code, len(told), len(deepgram.hits)) == (1, 12, 0), errors
        assert told[0].startswith("prompts.csv, line 12: ")

        path.write_text(prompts())
        with warm(tmp_path, deepgram, "--yes", "--out", "out") as process:
            until(lambda: len(deepgram.waiting) == AT_ONCE, SECONDS, "a third was rendered")
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=SECONDS)
        deepgram.goes_on.set()

        code, output, errors = run(tmp_path, deepgram, "--yes", "--out", "out")
        assert code == 0, errors
        # What the kill has cut was paid for in vain.
        assert len(deepgram.hits) == PROMPTS + AT_ONCE
        assert f"{PROMPTS} prompts, " in output
        assert len(list((tmp_path / "out" / "menu").glob("*.wav"))) == PROMPTS

        _, output, _ = run(tmp_path, deepgram, "--yes", "--out", "out")
        assert output == f"{PROMPTS} prompts, {PROMPTS} known, 0 to render, nothing to pay\n"

        before = len(deepgram.hits)
        path.write_text(prompts().replace("Prompt number 7 of", "Changed number 7 of"))
        code, output, errors = run(tmp_path, deepgram, "--yes", "--out", "out")
        assert (code, len(deepgram.hits)) == (0, before + 1), (output, errors)


def zipped(sheet: str, strings: str) -> bytes:
    """Return an XLSX file with these parts."""
    parts = {"[Content_Types].xml": "<Types/>", "xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": strings}
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return raw.getvalue()


def spreadsheet() -> bytes:
    """Return name, text and speed of two prompts as spreadsheets write them: shared, inline and number cells."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    words = "".join(f"<si><t>{word}</t></si>" for word in ("name", "text", "Speed", "hello"))
    words += "<si><r><t>Good </t></r><r><t>day</t></r></si>"
    shared = "".join(f'<c r="{column}1" t="s"><v>{at}</v></c>' for at, column in enumerate("ABC"))
    row = '<row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3" t="s"><v>4</v></c><c r="C3"><v>0.9</v></c></row>'
    inline = '<row r="4"><c r="B4" t="inlineStr"><is><t>Inline</t></is></c></row>'
    return zipped(
        f'<worksheet {space}><sheetData><row r="1">{shared}</row>{row}{inline}</sheetData></worksheet>',
        f"<sst {space}>{words}</sst>",
    )


class Tab:
    """The tab *Prompts* of the studio."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def ready(self) -> "Tab":
        self.page.wait(lambda: self.page.one("#whose-voice").text, "the tab has the voices")
        return self

    def with_voice_of(self, provider: str) -> "Tab":
        """Choose the provider in the tab *Speak*, and come to this one."""
        self.page.wait(lambda: self.page.one("#cards").is_displayed(), "the voices are there")
        Select(self.page.one('[data-part="provider"]')).select_by_value(provider)
        self.page.one('nav a[href="#prompts"]').click()
        return self.ready()

    def choose(self, path: Path) -> None:
        self.page.one("#file").send_keys(str(path))

    def sums(self) -> dict[str, str]:
        names = ("prompts", "known", "missing", "paid", "wrong")
        return {name: self.page.one(f"#sum-{name}").text for name in names}

    def wait_for(self, **sums: str) -> None:
        self.page.wait(lambda: sums.items() <= self.sums().items(), f"{self.sums()}, not {sums}")

    @property
    def status(self) -> str:
        return self.page.one("#prompts-status").text

    def press(self, name: str) -> None:
        self.page.one(f"#{name}").click()


@pytest.fixture
def tab(browse: Browse, server: StartServer) -> Tab:
    return Tab(browse(f"{root(server(**ONE).address)}/studio#prompts")).ready()


def root(address: Address) -> str:
    return f"http://127.0.0.1:{address.port}"


def test_studio_renders_412_prompts_and_loses_none(browse: Browse, server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text(prompts(mistakes=12))
    with Stuck(PROMPTS // 3) as deepgram:
        gunicorn = server(DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url, **ONE)
        tab = Tab(browse(f"{root(gunicorn.address)}/studio")).with_voice_of("deepgram")
        tab.choose(path)
        tab.wait_for(prompts="412", wrong="12", missing="400")
        assert not tab.page.one("#render").is_enabled()
        told = tab.page.all('#prompt-rows [data-state="wrong"]')
        assert [len(told), "Row 12" in told[0].text, "speaking_rate must lie" in told[0].text] == [12, True, True]

        path.write_text(prompts())
        tab.choose(path)
        tab.wait_for(prompts="412", wrong="0", missing="412", known="0")
        assert tab.sums()["paid"] == f"{sum(len(f'Prompt number {n} of the menu') for n in range(PROMPTS)):,}"
        tab.press("render")
        until(lambda: len(deepgram.waiting) == AT_ONCE, SECONDS, "a third was rendered")
        tab.page.driver.get("about:blank")
        deepgram.goes_on.set()

        tab = Tab(browse(f"{root(gunicorn.address)}/studio")).with_voice_of("espeak")
        tab.wait_for(prompts="412", wrong="0")
        assert int(tab.sums()["known"]) > PROMPTS // 4
        assert tab.page.one("#other-voice").text == "Use English (America)"
        tab.press("render")
        until(lambda: tab.sums()["missing"] == "0", SECONDS, "the rest is rendered")
        # What nobody heard any more may have been cut off.
        assert PROMPTS <= deepgram.asked <= PROMPTS + AT_ONCE


def test_studio_reads_spreadsheets(tab: Tab, tmp_path: Path) -> None:
    book = tmp_path / "prompts.xlsx"
    book.write_bytes(spreadsheet())
    tab.choose(book)
    tab.wait_for(prompts="2", wrong="0", missing="2", paid="Free")
    assert [row.text.partition("\n")[0] for row in tab.page.all("#prompt-rows li")] == ["hello", "inline"]

    paste = tab.page.one("#paste")
    script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    tab.page.driver.execute_script(script, paste, 'name\ttext\n"a"\tOne\nb\tTwo [pause 1 s]\nc\tThree')
    tab.wait_for(prompts="3", missing="3", wrong="0")
    tab.press("render")
    tab.wait_for(prompts="3", known="3")


def test_studio_plays_edits_and_zips_a_list(tab: Tab, tmp_path: Path) -> None:
    page = tab.page
    page.save_downloads_in(tmp_path)
    path = tmp_path / "prompts.csv"
    path.write_text("name,text,speed\ndigits/1,One,\nbye,Good-bye,9\n")
    Select(page.one("#for")).select_by_visible_text("Cisco")
    tab.choose(path)
    tab.wait_for(prompts="2", wrong="1")
    speed = page.one('[aria-label="speed of row 3"]')
    speed.send_keys(Keys.BACKSPACE, "1.5", Keys.TAB)
    tab.wait_for(wrong="0", missing="2")
    page.one('[aria-label="Render row 2 alone"]').click()
    tab.wait_for(known="1", missing="1")
    tab.press("render")
    tab.wait_for(known="2", missing="0")
    page.one('[aria-label="Play row 2"]').click()
    page.wait(lambda: page.one('[aria-label="Play row 2"]').text == "Play", "it was played")

    page.one('[aria-label="Text of row 2"]').send_keys(" and only", Keys.TAB)
    tab.wait_for(known="1", missing="1")
    assert not page.one("#zip").is_enabled()
    tab.press("render")
    tab.wait_for(known="2")
    tab.press("zip")
    saved = tmp_path / "prompts-cisco.zip"
    page.wait(saved.exists, tab.status)
    with zipfile.ZipFile(saved) as archive:
        assert sorted(archive.namelist()) == ["bye.wav", "digits-1.wav"]
        for name in archive.namelist():
            info = soundfile.info(io.BytesIO(archive.read(name)))
            assert (info.samplerate, info.subtype, info.channels) == (8000, "ULAW", 1)

    Select(page.one("#for")).select_by_visible_text("FreeSWITCH")
    tab.press("zip")
    other = tmp_path / "prompts-freeswitch.zip"
    page.wait(other.exists, tab.status)
    with zipfile.ZipFile(other) as archive:
        assert sorted(archive.namelist()) == ["8000/bye.wav", "digits/8000/1.wav"]
        assert soundfile.info(io.BytesIO(archive.read("8000/bye.wav"))).subtype == "PCM_16"

    reload(page)
    tab.ready().wait_for(prompts="2", known="2", missing="0")
    tab.press("clear")
    assert not page.one("#sums").is_displayed()


def test_studio_tab_fits_the_smallest_phone(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text("name,text,speed\na-rather-long-name-of-a-prompt,One,\nbye,Good-bye,9\n")
    tab.choose(path)
    tab.wait_for(prompts="2")
    tab.page.size(320, 640)
    assert tab.page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert [role for role, name in tab.page.controls() if not name] == []
    tab.page.photograph("studio-prompts", 1280)
    assert tab.page.faint(4.5) == {}
    tab.page.photograph("studio-prompts-dark-phone", 390, dark=True)
    assert tab.page.faint(4.5) == {}
